using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>Which elements of an activation share one range.</summary>
public enum Grouping
{
    /// <summary>All of them.</summary>
    Tensor,
    /// <summary>Those of one channel, the last axis.</summary>
    Channel,
    /// <summary>Those of one head, axis 1 of [B, H, ., .].</summary>
    Head,
}

/// <summary>One histogram a group of an activation.</summary>
/// <param name="Groups">One group for the whole tensor, one a channel, or one a head.</param>
public sealed record ActivationStatistics(IReadOnlyList<Histogram> Groups)
{
    /// <summary>Bins for a whole tensor: 16 a step of an 8-bit quantizer, so that the error of a step is seen from its bins.</summary>
    const int BinsOfATensor = 4096;

    /// <summary>Bins of one of many groups: coarser, because there are hundreds of them.</summary>
    const int BinsOfAGroup = 1024;

    /// <summary>Values so large that they can only come from a broken model or broken preprocessing.</summary>
    const float Absurd = 1e30f;

    /// <summary>
    /// Runs the model over all samples twice, for bounds and then for histograms; memory does not grow with their number.
    /// </summary>
    /// <param name="model">The float model.</param>
    /// <param name="samples">The calibration set.</param>
    /// <param name="wanted">Names of the values to look at, and how each is grouped.</param>
    /// <param name="options">Batch size and threads.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    /// <returns>Statistics by value name.</returns>
    /// <exception cref="InvalidDataException">An activation is NaN or infinite; the message names it.</exception>
    public static IReadOnlyDictionary<string, ActivationStatistics> Collect(Model model, SampleSet samples, IReadOnlyDictionary<string, Grouping> wanted,
        RunSettings options, CancellationToken cancellation = default)
    {
        var probe = model.Clone();
        foreach (string name in wanted.Keys)
            if (probe.Graph.Find(name) is { IsGraphInput: false } value)
                probe.Graph.AddOutput(value);
        using var session = new OnnxSession(probe, options.Session);
        string input = session.InputNames[0];
        string[] computed = [.. wanted.Keys.Where(name => name != input)];

        void ForEachValue(Action<string, long[], ReadOnlySpan<float>> see)
        {
            foreach (var batch in samples.Tensors(options, cancellation))
            {
                if (wanted.ContainsKey(input))
                    see(input, [.. batch.Shape], batch.As<float>());
                if (computed.Length > 0)
                    session.Run(new Dictionary<string, Tensor> { [input] = batch }, computed, (i, shape, values) => see(computed[i], shape.ToArray(), values));
            }
        }

        var bounds = new Dictionary<string, (float Min, float Max)[]>();
        ForEachValue((name, shape, values) =>
        {
            var layout = new GroupLayout(wanted[name], shape);
            if (!bounds.TryGetValue(name, out var ranges))
                bounds[name] = ranges = [.. Enumerable.Repeat((float.PositiveInfinity, float.NegativeInfinity), layout.Groups)];
            for (int row = 0; row < layout.Rows; row++)
            {
                var line = values.Slice(row * layout.RowLength, layout.RowLength);
                int group = layout.GroupOf(row);
                for (int i = 0; i < line.Length; i++)
                {
                    float value = line[i];
                    if (!(Math.Abs(value) < Absurd))
                        throw new InvalidDataException($"Value '{name}' becomes {value} on the calibration data. Check the model and the preprocessing (mean, std, size).");
                    ref var range = ref ranges[group + (layout.ChannelWise ? i : 0)];
                    range = (Math.Min(range.Min, value), Math.Max(range.Max, value));
                }
            }
        });

        var statistics = bounds.ToDictionary(p => p.Key, p => new ActivationStatistics(
            [.. p.Value.Select(r => new Histogram(r.Min, r.Max, p.Value.Length == 1 ? BinsOfATensor : BinsOfAGroup))]));
        ForEachValue((name, shape, values) =>
        {
            var layout = new GroupLayout(wanted[name], shape);
            var histograms = statistics[name].Groups;
            for (int row = 0; row < layout.Rows; row++)
            {
                var line = values.Slice(row * layout.RowLength, layout.RowLength);
                int group = layout.GroupOf(row);
                if (layout.ChannelWise)
                    for (int i = 0; i < line.Length; i++)
                        histograms[group + i].Add(line[i]);
                else
                    foreach (float value in line)
                        histograms[group].Add(value);
            }
        });
        return statistics;
    }

    /// <summary>How the elements of a tensor fall into groups: rows of consecutive elements that share a group, or (channel-wise) whose elements are one group each.</summary>
    readonly struct GroupLayout
    {
        readonly int rowsPerGroup;
        readonly int outerGroups;

        public GroupLayout(Grouping grouping, long[] shape)
        {
            int rank = shape.Length;
            int count = (int)shape.Aggregate(1L, (a, b) => a * b);
            ChannelWise = grouping == Grouping.Channel;
            RowLength = rank == 0 || count == 0 ? count : (int)shape[^1];
            Rows = RowLength == 0 ? 0 : count / RowLength;
            outerGroups = 1;
            rowsPerGroup = Math.Max(Rows, 1);
            if (grouping == Grouping.Head)
            {
                if (rank != 4)
                    throw new InvalidDataException($"A value per head should have the shape [B, H, T, d], but has rank {rank}.");
                outerGroups = (int)shape[1];
                rowsPerGroup = (int)shape[2];
            }
            Groups = outerGroups * (ChannelWise ? RowLength : 1);
        }

        public bool ChannelWise { get; }
        public int RowLength { get; }
        public int Rows { get; }
        public int Groups { get; }
        public int GroupOf(int row) => row / rowsPerGroup % outerGroups;
    }
}
