using System.Runtime;

namespace LampQ.Quantization;

/// <summary>Says when engines have run long enough for .NET to have compiled them well.</summary>
/// <remarks>
/// A method is compiled quickly at first, and well only when it was called 30 times after a time without new methods (tiered compilation); with its profile it passes through two such
/// stages. Methods wait in one queue, so those of whatever ran before come first. Engines are warm when nothing has been compiled for longer than that time.
/// </remarks>
/// <param name="time">The clock.</param>
/// <param name="compiledMethods">Methods compiled so far, by anything in this process.</param>
/// <param name="longest">After this time warm-up ends in any case.</param>
sealed class WarmUp(TimeProvider time, Func<long> compiledMethods, TimeSpan longest)
{
    /// <summary>Rounds that are run in any case: the first one allocates, the second finds what it allocated.</summary>
    public const int FewestRounds = 2;

    /// <summary>Time without a compilation that counts as the end of them. The delay of tiered compilation is 100 ms; 210 ms passed between two stages of a model of 1.3 ms (2 shared cores of Zen 4).</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(250);

    readonly long start = time.GetTimestamp();
    long compiled = compiledMethods(), lastCompilation = time.GetTimestamp();
    int rounds;

    /// <summary>A warm-up for engines of this process.</summary>
    public static WarmUp OfThisProcess(double longestSeconds) => new(TimeProvider.System, () => JitInfo.GetCompiledMethodCount(), TimeSpan.FromSeconds(longestSeconds));

    /// <summary>Asked after each round, in which every engine ran once: whether timing may begin.</summary>
    public bool IsOver()
    {
        long now = time.GetTimestamp(), count = compiledMethods();
        if (count != compiled)
            (compiled, lastCompilation) = (count, now);
        return ++rounds >= FewestRounds && (time.GetElapsedTime(lastCompilation, now) >= Quiet || time.GetElapsedTime(start, now) >= longest);
    }
}
