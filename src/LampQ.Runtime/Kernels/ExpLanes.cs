using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="Exponential.Of"/> on lanes. Made before a loop, its constants stay in registers where there are 32 of them.</summary>
readonly struct ExpLanes<V> where V : struct, IFloats<V>
{
    readonly V lowest, log2E, magic, minusLn2High, minusLn2Low, c6, c5, c4, c3, c2, one;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ExpLanes()
    {
        lowest = V.Splat(Exponential.Lowest);
        log2E = V.Splat(Exponential.Log2E);
        magic = V.Splat(Exponential.Magic);
        minusLn2High = V.Splat(Exponential.MinusLn2High);
        minusLn2Low = V.Splat(Exponential.MinusLn2Low);
        c6 = V.Splat(Exponential.C6);
        c5 = V.Splat(Exponential.C5);
        c4 = V.Splat(Exponential.C4);
        c3 = V.Splat(Exponential.C3);
        c2 = V.Splat(Exponential.C2);
        one = V.Splat(1f);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V t)
    {
        V z = V.MultiplyAdd(t, log2E, magic), n = V.Subtract(z, magic);
        V f = V.MultiplyAdd(n, minusLn2Low, V.MultiplyAdd(n, minusLn2High, t));
        V p = V.MultiplyAdd(V.MultiplyAdd(V.MultiplyAdd(V.MultiplyAdd(c6, f, c5), f, c4), f, c3), f, c2);
        p = V.MultiplyAdd(V.MultiplyAdd(p, f, one), f, one);
        return V.KeepWhereAtLeast(V.AddIntegers(p, V.ToExponent(z)), t, lowest);
    }
}
