using System.Diagnostics;
using LampQ.Solver;

namespace LampQ.Accuracy;

/// <summary>How long the exact program takes on DeiT-Tiny's layers, 2 to 8 bits, an average of 4 as budget.</summary>
/// <param name="First">Milliseconds of the first of all, compilation by the runtime included.</param>
/// <param name="Median">Median milliseconds of those behind it.</param>
/// <param name="Slowest">Milliseconds of the slowest of those behind it.</param>
sealed record SolverTimes(double First, double Median, double Slowest)
{
    public const int Problems = 100;

    public static SolverTimes Measure()
    {
        double first = 0;
        var times = new List<double>();
        for (int seed = 0; seed <= Problems; seed++)
        {
            var problem = Problem(new Random(seed));
            long start = Stopwatch.GetTimestamp();
            AllocationSolver.DynamicProgramming.Solve(problem).Require();
            double time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (seed == 0)
                first = time;
            else
                times.Add(time);
        }
        times.Sort();
        return new SolverTimes(first, times[times.Count / 2], times[^1]);
    }

    // Damages spread over four orders of magnitude between layers, as measured ones do, and fall by 3 to 5 a bit.
    static AllocationProblem Problem(Random random)
    {
        const long d = 192;
        long[] sizes = [.. Enumerable.Range(0, 12).SelectMany(_ => new[] { 3 * d * d, d * d, 4 * d * d, 4 * d * d })];
        return new([.. sizes.Select((size, i) =>
        {
            double damage = Math.Pow(10, -4 * random.NextDouble()), fall = 3 + 2 * random.NextDouble();
            return new AllocationItem($"{i}", [.. Enumerable.Range(2, 7).Select(b => new Choice(b, damage * Math.Pow(fall, 2 - b), [size * b]))]);
        })], [new Budget("average bits", "bits", 4 * sizes.Sum())]);
    }
}
