using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="CodeRange.Quantize"/> on lanes, in two steps: integers, and four vectors of them as bytes within the bounds.</summary>
readonly struct CodeLanes<V> where V : struct, IFloats<V>
{
    readonly V largest, low, high;

    public CodeLanes(CodeRange codes)
    {
        // Vectors convert what an int does not hold to the smallest int: right for NaN and on the negative side, and never met above.
        largest = V.Splat(1048576f);
        low = V.Splat(codes.Low * 0x01010101);
        high = V.Splat(codes.High * 0x01010101);
    }

    /// <summary>rne(v) + zero point, before the bounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Round(V v, V zeroPoint) => V.AddIntegers(V.Round(V.Min(largest, v)), zeroPoint);

    /// <summary>Bytes within the bounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Pack(V a, V b, V c, V d) => V.MinBytes(V.MaxBytes(V.Pack(a, b, c, d), low), high);
}
