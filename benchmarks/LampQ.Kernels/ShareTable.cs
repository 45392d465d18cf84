using System.Diagnostics;
using System.Text;
using LampQ.Runtime;

namespace LampQ.Kernels;

/// <summary>
/// Best operations a second of every kernel, layer and width, beside the peak of VPDPBUSD on the same threads. Rounds are interleaved, so that a busy
/// moment of the machine meets all of them, and each keeps its best.
/// </summary>
sealed class ShareTable
{
    readonly ThreadWorkers workers;
    readonly List<Column> columns = [];
    readonly List<Shape> shapes;
    readonly Dictionary<(Shape, Column), double> best = [];
    double peak;

    public ShareTable(ThreadWorkers workers, string layer, string kernelName)
    {
        this.workers = workers;
        shapes = [.. Shape.All.Where(shape => shape.ToString().Contains(layer, StringComparison.OrdinalIgnoreCase))];
        foreach (var kernel in DotKernel.All.Where(kernel => kernel.IsSupported && kernel != DotKernel.Definition && kernel.Name.Contains(kernelName)))
        {
            int[] widths = kernel == DotKernel.Portable || kernel == DotKernel.AvxVnni ? [8, 4] : [8, 7, 6, 5, 4, 3, 2];
            columns.AddRange(widths.Select(bits => new Column(kernel, bits, 255)));
            if (kernel == DotKernel.Avx2 || kernel == DotKernel.Avx512S16)
                columns.Add(new(kernel, 4, 15));
        }
    }

    /// <summary>Measures for about as long as it is told, at least three rounds.</summary>
    public void Measure(TimeSpan time)
    {
        var multiplications = shapes.SelectMany(shape => columns.Select(column => (shape, column)))
            .ToDictionary(key => key, key => new Multiplication(key.shape, key.column.Bits, key.column.LargestX, key.column.Kernel, workers));
        var watch = Stopwatch.StartNew();
        for (int round = 0; round < 3 || watch.Elapsed < time; round++)
            foreach (var (key, multiplication) in multiplications)
            {
                if (DotKernel.Avx512VnniRefusal is null)
                    peak = Math.Max(peak, Peak());
                multiplication.Run();
                for (int repeat = 0; repeat < 5; repeat++)
                {
                    long start = Stopwatch.GetTimestamp();
                    multiplication.Run();
                    double rate = multiplication.Operations / Stopwatch.GetElapsedTime(start).TotalSeconds;
                    best[key] = Math.Max(best.GetValueOrDefault(key), rate);
                }
            }
        foreach (var multiplication in multiplications.Values)
            multiplication.Dispose();
    }

    /// <summary>A table in Markdown: a line for each kernel and width, a column for each layer.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{workers.Count} thread(s), best GOPS").AppendLine(peak > 0 ? $" (share of the VNNI peak, {peak / 1e9:F0}):" : ":").AppendLine();
        text.AppendLine($"| | {string.Join(" | ", shapes)} |").AppendLine($"|---|{string.Concat(Enumerable.Repeat("---|", shapes.Count))}");
        foreach (var column in columns)
            text.AppendLine($"| {column} | {string.Join(" | ", shapes.Select(shape => Cell(best[(shape, column)])))} |");
        return text.ToString();
    }

    string Cell(double rate) => $"{rate / 1e9:F0}" + (peak > 0 ? $" ({rate / peak:P0})" : "");

    double Peak()
    {
        const int Rounds = 20_000;
        var work = new PeakWork { Rounds = Rounds };
        long start = Stopwatch.GetTimestamp();
        workers.For(workers.Count, ref work);
        return (double)Rounds * VnniCode.PeakOperations * workers.Count / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    struct PeakWork : IWork
    {
        public long Rounds;

        public readonly void Do(int task) => VnniCode.RunPeak(Rounds);
    }

    sealed record Column(DotKernel Kernel, int Bits, int LargestX)
    {
        public override string ToString() => $"{Kernel.Name} w{Bits}a{(LargestX == 255 ? 8 : 4)}";
    }
}
