using System.Collections.Concurrent;
using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>
/// Measured time of one run on LampQ's kernels of this CPU: T(b) = T₀ + Σ_i (t_i(b_i) − min_b t_i(b)), t_i(b) the time of layer i alone at b bits, T₀ such that the model with every layer at its widest takes
/// what it was measured to take.
/// </summary>
/// <remarks>
/// Layers of one shape are measured once. What an operator costs beside its product is the same at every width and falls out of the difference. A layer of the last block is timed with all of its tokens, of which its kernel may compute
/// one. Time is what else the machine does as well: widths of a layer are timed in turn and the fastest run of each counts, the whole model by its median.
/// </remarks>
public sealed class MeasuredLatency
{
    static readonly ConcurrentDictionary<(int Rows, int Outputs, int Inputs, int Threads, string Widths), long[]> tables = [];

    readonly int[] widths;
    readonly Dictionary<string, long[]> added;
    readonly long fixedPart;

    MeasuredLatency(IReadOnlyList<int> widths, Dictionary<string, long[]> added, long fixedPart) => (this.widths, this.added, this.fixedPart) = ([.. widths], added, fixedPart);

    /// <summary>Measures every shape at every width, and the whole model once.</summary>
    /// <param name="calibration">The model; its samples state what it takes.</param>
    /// <param name="groups">What gets bits.</param>
    /// <param name="widths">The widths offered, ascending.</param>
    /// <param name="widest">The model with every group at its widest.</param>
    /// <param name="settings">Threads.</param>
    /// <param name="cancellation">Cancels between two runs.</param>
    public static MeasuredLatency Of(Calibration calibration, IReadOnlyList<AllocationGroup> groups, IReadOnlyList<int> widths, Model widest, RunSettings settings, CancellationToken cancellation = default)
    {
        var operations = new BitOperationCount(calibration);
        var added = groups.ToDictionary(g => g.Name, _ => new long[widths.Count]);
        int batch = FixedBatch.Of(calibration.Model) ?? 1;
        foreach (var group in groups)
            foreach (var layer in group.Layers)
            {
                int rows = (int)(operations.Multiplications(layer) * batch / layer.Parameters);
                long[] table = tables.GetOrAdd((rows, layer.OutputChannels, layer.InputChannels, settings.Session.Threads, string.Join(",", widths)),
                    _ => Table(rows, layer.OutputChannels, layer.InputChannels, widths, settings.Session, cancellation));
                for (int b = 0; b < widths.Count; b++)
                    added[group.Name][b] += table[b] - table.Min();
            }
        using var session = LampQSession.Load(widest, new LampQSessionOptions(settings.Session));
        var input = calibration.Samples.Take(batch).Tensors(settings with { BatchSize = batch }, cancellation).First();
        double median = InterleavedTiming.Measure([() => Run(session, input)], new TimingOptions { LongestSeconds = 2 }, cancellation)[0].MedianMs;
        return new MeasuredLatency(widths, added, Math.Max(0, (long)(median * 1e6) - added.Values.Sum(a => a[^1])));
    }

    /// <summary>The problem with a limit on the time of one run.</summary>
    /// <param name="problem">Its items are the groups, in their order.</param>
    /// <param name="groups">What gets bits.</param>
    /// <param name="milliseconds">The limit.</param>
    public AllocationProblem Limit(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, double milliseconds) =>
        // The first group carries what no width changes, so that totals and messages are of the whole model.
        Formulation.With(problem, groups, (group, bits) => NanosecondsOf(group.Name, bits) + (group == groups[0] ? fixedPart : 0), new Budget("latency", "nanoseconds", (long)(milliseconds * 1e6)));

    /// <summary>Predicted milliseconds of one run.</summary>
    /// <param name="bitsOfGroup">Width by group name.</param>
    public double MillisecondsOf(IReadOnlyDictionary<string, int> bitsOfGroup) => (fixedPart + added.Keys.Sum(g => NanosecondsOf(g, bitsOfGroup[g]))) / 1e6;

    long NanosecondsOf(string group, int bits) => added[group][Array.IndexOf(widths, bits)];

    static long[] Table(int rows, int outputs, int inputs, IReadOnlyList<int> widths, OnnxSessionOptions options, CancellationToken cancellation)
    {
        var sessions = widths.Select(b => LinearProbe.Open(outputs, inputs, b, options)).ToArray();
        try
        {
            var x = LinearProbe.Input(rows, inputs);
            return [.. InterleavedTiming.Measure([.. sessions.Select(s => (Action)(() => Run(s, x)))], new TimingOptions { LongestWarmUpSeconds = 0.3, RunsPerVisit = 3, LongestSeconds = 0.3 }, cancellation).Select(t => (long)(t.BestMs * 1e6))];
        }
        finally
        {
            foreach (var session in sessions)
                session.Dispose();
        }
    }

    static void Run(ModelSession session, Tensor input) => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = input }, [session.OutputNames[0]], (_, _, _) => { });
}
