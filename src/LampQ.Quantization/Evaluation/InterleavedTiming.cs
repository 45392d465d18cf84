using System.Diagnostics;

namespace LampQ.Quantization;

/// <summary>What the runs of one engine took, in milliseconds.</summary>
/// <param name="MedianMs">Median.</param>
/// <param name="BestMs">The fastest.</param>
/// <param name="SpreadMs">Distance of the first and the third quartile.</param>
/// <param name="Runs">Runs that were timed.</param>
public sealed record Timing(double MedianMs, double BestMs, double SpreadMs, int Runs)
{
    /// <summary>The timing of a list of runs.</summary>
    /// <exception cref="ArgumentException">No run.</exception>
    public static Timing Of(IEnumerable<double> milliseconds)
    {
        double[] sorted = [.. milliseconds.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("A timing needs one run at least.", nameof(milliseconds));
        return new Timing(Quantile(sorted, .5), sorted[0], Quantile(sorted, .75) - Quantile(sorted, .25), sorted.Length);
    }

    static double Quantile(double[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = (int)at, above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}

/// <summary>How long engines are measured.</summary>
public sealed record TimingOptions
{
    /// <summary>
    /// Before anything is timed the engines run in turn, twice at least, until .NET has compiled them well or this time is over; default 4 seconds. A model of a third of a
    /// millisecond takes four times as long before. Of engines in other processes it says nothing.
    /// </summary>
    public double LongestWarmUpSeconds { get; init; } = 4;

    /// <summary>Runs before the first timed one of each visit; default 1. Caches and clocks then belong to the engine that is timed.</summary>
    public int WarmUp { get; init; } = 1;

    /// <summary>Timed runs of an engine before the next one has its turn; default 1.</summary>
    public int RunsPerVisit { get; init; } = 1;

    /// <summary>The fewest rounds; default 3.</summary>
    public int FewestRounds { get; init; } = 3;

    /// <summary>The most rounds; default 31.</summary>
    public int MostRounds { get; init; } = 31;

    /// <summary>After this time no further round begins, once there were <see cref="FewestRounds"/>; default 3 seconds.</summary>
    public double LongestSeconds { get; init; } = 3;
}

/// <summary>Times engines in turn, so that a CPU that gets warm, or another process, touches all of them alike; only their ratios are worth quoting.</summary>
public static class InterleavedTiming
{
    /// <summary>Times actions of this process, which run untimed until .NET has compiled them well (<see cref="TimingOptions.LongestWarmUpSeconds"/>).</summary>
    /// <param name="engines">What is timed.</param>
    /// <param name="options">How long.</param>
    /// <param name="cancellation">Cancels between two runs.</param>
    /// <returns>A timing an engine, in their order.</returns>
    public static Timing[] Measure(IReadOnlyList<Action> engines, TimingOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        var warmUp = WarmUp.OfThisProcess(options.LongestWarmUpSeconds);
        do
            foreach (var engine in engines)
                Once(engine);
        while (!warmUp.IsOver());
        return Measure([.. engines.Select<Action, Func<IEnumerable<double>>>(engine => () => Visit(engine))], options, cancellation);

        IEnumerable<double> Visit(Action engine)
        {
            for (int run = 0; run < options.WarmUp; run++)
                Once(engine);
            for (int run = 0; run < options.RunsPerVisit; run++)
                yield return Once(engine);
        }

        double Once(Action engine)
        {
            cancellation.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            engine();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }

    /// <summary>Collects the runs of engines that time themselves, in other processes for example.</summary>
    /// <param name="visits">An engine a function: it warms up, runs, and returns the milliseconds of each timed run.</param>
    /// <param name="options">How long; the number of runs a visit is the function's own.</param>
    /// <param name="cancellation">Cancels between two visits.</param>
    /// <returns>A timing an engine, in their order.</returns>
    public static Timing[] Measure(IReadOnlyList<Func<IEnumerable<double>>> visits, TimingOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        var times = visits.Select(_ => new List<double>()).ToArray();
        var watch = Stopwatch.StartNew();
        for (int round = 0; round < options.FewestRounds || (round < options.MostRounds && watch.Elapsed.TotalSeconds < options.LongestSeconds); round++)
            for (int i = 0; i < visits.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                // Every other round goes backwards, so that no engine always follows the same one.
                int engine = round % 2 == 0 ? i : visits.Count - 1 - i;
                times[engine].AddRange(visits[engine]());
            }
        return [.. times.Select(Timing.Of)];
    }
}
