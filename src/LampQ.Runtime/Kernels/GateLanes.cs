using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="GatedActivation.Apply"/> on lanes. With 16 lanes the ten halves of the table stay in registers.</summary>
readonly unsafe struct GateLanes<V> where V : struct, IFloats<V>
{
    readonly float* table;
    readonly V scale, largestT, c0, d0, c1, d1, c2, d2, c3, d3, c4, d4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GateLanes(float* table, float scale)
    {
        this.table = table;
        this.scale = V.Splat(scale);
        largestT = V.Splat(GatedActivation.LargestT);
        (c0, d0) = (V.Load(table), V.Load(table + 16));
        (c1, d1) = (V.Load(table + 32), V.Load(table + 48));
        (c2, d2) = (V.Load(table + 64), V.Load(table + 80));
        (c3, d3) = (V.Load(table + 96), V.Load(table + 112));
        (c4, d4) = (V.Load(table + 128), V.Load(table + 144));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply(V v)
    {
        V t = V.Min(V.Multiply(V.Absolute(v), scale), largestT);
        V i = V.Truncate(t), f = V.Subtract(t, V.ToFloats(i));
        V h = V.MultiplyAdd(V.Lookup(i, c4, d4, table + 128), f, V.Lookup(i, c3, d3, table + 96));
        h = V.MultiplyAdd(h, f, V.Lookup(i, c2, d2, table + 64));
        h = V.MultiplyAdd(h, f, V.Lookup(i, c1, d1, table + 32));
        h = V.MultiplyAdd(h, f, V.Lookup(i, c0, d0, table));
        return V.Subtract(V.Max(v, V.Splat(0f)), h);
    }
}
