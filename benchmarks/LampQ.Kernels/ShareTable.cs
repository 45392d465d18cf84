using System.Diagnostics;
using System.Text;
using LampQ.Runtime;

namespace LampQ.Kernels;

/// <summary>
/// Best operations a second of every kernel, layer and width, and their share of the peak of VPDPBUSD on the same threads. Rounds are interleaved, so that
/// a busy moment of the machine meets all of them. The clock wanders by several percent, so a product is compared with the peak right before and after it.
/// </summary>
sealed class ShareTable
{
    readonly ThreadWorkers workers;
    readonly List<Column> columns = [];
    readonly List<Shape> shapes;
    readonly Dictionary<(Shape, Column), (double Rate, double Peak)> best = [];

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
                multiplication.Run();
                double peak = Peak(), rate = 0;
                for (int repeat = 0; repeat < 5; repeat++)
                {
                    long start = Stopwatch.GetTimestamp();
                    multiplication.Run();
                    rate = Math.Max(rate, multiplication.Operations / Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
                peak = Math.Max(peak, Peak());
                if (rate > best.GetValueOrDefault(key).Rate)
                    best[key] = (rate, peak);
            }
        foreach (var multiplication in multiplications.Values)
            multiplication.Dispose();
    }

    /// <summary>A table in Markdown: a line for each kernel and width, a column for each layer.</summary>
    public override string ToString()
    {
        double peak = best.Values.Max(cell => cell.Peak);
        var text = new StringBuilder($"{workers.Count} thread(s), best GOPS").AppendLine(peak > 0 ? $" (share of the VNNI peak, at most {peak / 1e9:F0}):" : ":").AppendLine();
        text.AppendLine($"| | {string.Join(" | ", shapes)} |").AppendLine($"|---|{string.Concat(Enumerable.Repeat("---|", shapes.Count))}");
        foreach (var column in columns)
            text.AppendLine($"| {column} | {string.Join(" | ", shapes.Select(shape => Cell(best[(shape, column)])))} |");
        return text.ToString();
    }

    static string Cell((double Rate, double Peak) cell) => $"{cell.Rate / 1e9:F0}" + (cell.Peak > 0 ? $" ({cell.Rate / cell.Peak:P0})" : "");

    /// <summary>The best of three, or 0 where the instruction does not run.</summary>
    double Peak()
    {
        const int Rounds = 10_000;
        double peak = 0;
        for (int repeat = 0; repeat < 3 && DotKernel.Avx512VnniRefusal is null; repeat++)
        {
            var work = new PeakWork { Rounds = Rounds };
            long start = Stopwatch.GetTimestamp();
            workers.For(workers.Count, ref work);
            peak = Math.Max(peak, (double)Rounds * VnniCode.PeakOperations * workers.Count / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return peak;
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
