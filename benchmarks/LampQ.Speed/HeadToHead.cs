using LampQ.Quantization;

namespace LampQ.Speed;

/// <summary>One measured engine: whose it is, and what it took.</summary>
sealed record Row(string Runtime, string Engine, Timing Timing);

/// <summary>Every engine of one setting, timed in turn.</summary>
sealed record Setting(string Model, int Threads, int Batch, IReadOnlyList<Row> Rows)
{
    /// <summary>Median of the fastest row among some.</summary>
    public double Fastest(Func<Row, bool> among) => Rows.Where(among).Min(r => r.Timing.MedianMs);
}

/// <summary>One engine of a head-to-head: <paramref name="Kind"/> is <c>lampq</c> or <c>onnxruntime</c>.</summary>
sealed record Contender(string Name, string Kind, string Path);

static class HeadToHead
{
    /// <summary>Times all contenders on all runtimes in one interleaved run.</summary>
    public static Setting Measure(string model, IReadOnlyList<Worker> workers, IReadOnlyList<Contender> contenders, int threads, int batch, bool spin, bool onProcessor, double seconds)
    {
        var names = new List<(string Runtime, string Engine)>();
        var visits = new List<Func<IEnumerable<double>>>();
        foreach (var worker in workers)
            foreach (var contender in contenders)
            {
                names.Add((worker.Name, contender.Name));
                visits.Add(worker.Open(contender.Kind, contender.Path, threads, batch, spin, onProcessor, warmUp: batch == 1 ? 3 : 1, runs: batch == 1 ? 5 : 1));
            }
        var timings = InterleavedTiming.Measure(visits, new TimingOptions { FewestRounds = 5, MostRounds = 200, LongestSeconds = seconds });
        foreach (var worker in workers)
            worker.Close();
        return new Setting(model, threads, batch, [.. names.Zip(timings, (n, t) => new Row(n.Runtime, n.Engine, t))]);
    }
}
