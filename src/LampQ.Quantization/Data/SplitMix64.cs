using System.Numerics;

namespace LampQ.Quantization;

/// <summary>A small random generator whose numbers are the same on every platform and .NET version, which System.Random does not promise.</summary>
/// <remarks>Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. Not for secrets.</remarks>
struct SplitMix64(ulong seed)
{
    ulong state = seed;

    /// <summary>The next 64 bits.</summary>
    internal ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A whole number from 0 to <paramref name="bound"/> − 1, each equally likely.</summary>
    internal int Below(int bound)
    {
        // Masked to the next power of two and drawn again when too large: no modulo bias, fewer than two draws on average.
        var mask = BitOperations.RoundUpToPowerOf2((uint)bound) - 1;
        while (true)
        {
            var value = (uint)Next() & mask;
            if (value < (uint)bound) return (int)value;
        }
    }

    /// <summary>Two independent values of the standard normal distribution (Box and Muller, 1958).</summary>
    internal (double First, double Second) NextNormals()
    {
        // 53 bits; the first is in (0, 1], so that its logarithm is finite.
        var u = ((Next() >> 11) + 1) * (1.0 / (1UL << 53));
        var v = (Next() >> 11) * (1.0 / (1UL << 53));
        var radius = Math.Sqrt(-2 * Math.Log(u));
        var (sin, cos) = Math.SinCos(2 * Math.PI * v);
        return (radius * cos, radius * sin);
    }
}
