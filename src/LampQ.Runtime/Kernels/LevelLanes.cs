using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="LevelTable"/> on lanes: a comparison and a choice for each threshold (measured against a search in docs/decisions/0013-lowering.md, item 12).</summary>
/// <param name="table">The table; whoever uses this keeps it reachable.</param>
/// <param name="count">Thresholds that count, from the first on.</param>
readonly unsafe struct LevelLanes<V>(LevelTable table, int count) where V : struct, IFloats<V>
{
    readonly float* thresholds = table.Thresholds;
    readonly int* levels = table.Levels;
    readonly int count = count;

    /// <summary>Puts the levels of 64 values, each times a factor, in their place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Replace(float* values, float factor)
    {
        V f = V.Splat(factor), a = V.Multiply(V.Load(values), f), b = V.Multiply(V.Load(values + 16), f), c = V.Multiply(V.Load(values + 32), f), d = V.Multiply(V.Load(values + 48), f);
        V w = V.Splat(levels[0]), la = w, lb = w, lc = w, ld = w;
        for (int i = 0; i < count; i++)
        {
            V t = V.Splat(thresholds[i]);
            w = V.Splat(levels[i + 1]);
            la = V.WhereAtLeast(a, t, w, la);
            lb = V.WhereAtLeast(b, t, w, lb);
            lc = V.WhereAtLeast(c, t, w, lc);
            ld = V.WhereAtLeast(d, t, w, ld);
        }
        V.Store(la, values);
        V.Store(lb, values + 16);
        V.Store(lc, values + 32);
        V.Store(ld, values + 48);
    }

    /// <summary>One byte of each of 64 levels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Plane(int* levels, int plane) =>
        V.Pack(V.ByteOf(V.Load(levels), plane), V.ByteOf(V.Load(levels + 16), plane), V.ByteOf(V.Load(levels + 32), plane), V.ByteOf(V.Load(levels + 48), plane));
}
