namespace LampQ.Demo;

/// <summary>
/// A stream of random integers that is the same on every machine: SplitMix64 (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014), one stream for every pair of seed and index.
/// </summary>
/// <remarks><c>System.Random</c> promises neither its algorithm nor independent streams for neighbouring seeds.</remarks>
struct SplitMix64
{
    const ulong Golden = 0x9E3779B97F4A7C15;

    ulong _state;

    // Streams that start at seed + k·Golden would be the same stream shifted by k, so both numbers are mixed first.
    public SplitMix64(ulong seed, ulong index) => _state = Mix(Mix(seed + Golden) ^ Mix(~index));

    /// <summary>An integer from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    /// <remarks>Multiply and shift: biased by less than (high − low + 1) / 2³², which a picture does not show.</remarks>
    public int Next(int low, int high)
    {
        _state += Golden;
        var range = (ulong)(high - low + 1);
        return low + (int)(((Mix(_state) >> 32) * range) >> 32);
    }

    static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
