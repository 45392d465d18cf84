using LampQ.Quantization;

namespace LampQ.Transforms;

/// <summary>Draws k of n things in one pass without knowing n: each subset of k is equally likely.</summary>
/// <param name="size">k, at least 1.</param>
/// <param name="seed">The same seed draws the same places on every machine.</param>
/// <remarks>Source: Vitter, "Random sampling with a reservoir", ACM TOMS 11(1), 1985, algorithm R.</remarks>
sealed class Reservoir(int size, int seed)
{
    SplitMix64 random = new((ulong)seed);
    int seen;

    /// <summary>Where the next thing goes, 0 to k − 1, over what is there; null where it is not drawn.</summary>
    public int? Next()
    {
        // The generator draws below 2^31: what comes after so many things is left away, a chance of k in 2^31 each.
        if (seen == int.MaxValue)
            return null;
        int place = seen++ < size ? seen - 1 : random.Below(seen);
        return place < size ? place : null;
    }
}
