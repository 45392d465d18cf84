using System.Numerics.Tensors;
using LampQ.Onnx;
using Tensor = LampQ.Onnx.Tensor;

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
        string input = model.Graph.Inputs[0].Name;
        string[] computed = [.. wanted.Keys.Where(name => name != input)];
        using var part = computed.Length == 0 ? null : ModelPart.Of(model, null, g => [.. computed.Select(name => g.Find(name)!)], options);
        // One sample at a time unless the model says otherwise: all of these values of a batch are alive together.
        var run = options with { BatchSize = FixedBatch.Of(model) ?? 1 };

        // Batches run side by side; bounds and counts do not depend on who comes first.
        void ForEachValue(Action<string, ReadOnlySpan<long>, ReadOnlySpan<float>> see) =>
            ModelPart.ForEachBatch(samples.BatchCount(run), ModelPart.Parallelism(run, cancellation), i =>
            {
                var batch = samples.Tensor(i, run);
                if (wanted.ContainsKey(input))
                    see(input, [.. batch.Shape], batch.As<float>());
                part?.Run(batch, new Dictionary<string, Tensor>(), (output, shape, values) => see(computed[output], shape, values));
            });

        var bounds = wanted.Keys.ToDictionary(name => name, _ => new Bounds());
        ForEachValue((name, shape, values) => bounds[name].Add(new GroupLayout(wanted[name], shape), values, name));

        var statistics = bounds.ToDictionary(p => p.Key, p => new ActivationStatistics(
            [.. p.Value.Ranges.Select(r => new Histogram(r.Min, r.Max, p.Value.Groups == 1 ? BinsOfATensor : BinsOfAGroup))]));
        ForEachValue((name, shape, values) =>
        {
            var layout = new GroupLayout(wanted[name], shape);
            var histograms = statistics[name].Groups;
            lock (histograms)
                for (int row = 0; row < layout.Rows; row++)
                {
                    var line = values.Slice(row * layout.RowLength, layout.RowLength);
                    int group = layout.GroupOf(row);
                    if (layout.ChannelWise)
                        for (int i = 0; i < line.Length; i++)
                            histograms[group + i].Add(line[i]);
                    else
                        histograms[group].Add(line);
                }
        });
        return statistics;
    }

    /// <summary>Smallest and largest value of each group; safe from several threads.</summary>
    sealed class Bounds
    {
        readonly Lock adding = new();
        float[] least = [], most = [];

        public int Groups => least.Length;

        public IEnumerable<(float Min, float Max)> Ranges => least.Zip(most);

        public void Add(GroupLayout layout, ReadOnlySpan<float> values, string name)
        {
            lock (adding)
            {
                if (least.Length == 0)
                {
                    least = new float[layout.Groups];
                    most = new float[layout.Groups];
                    Array.Fill(least, float.PositiveInfinity);
                    Array.Fill(most, float.NegativeInfinity);
                }
                for (int row = 0; row < layout.Rows; row++)
                {
                    var line = values.Slice(row * layout.RowLength, layout.RowLength);
                    int group = layout.GroupOf(row);
                    if (layout.ChannelWise)
                    {
                        // NaN stays NaN in both.
                        Span<float> low = least.AsSpan(group, line.Length), high = most.AsSpan(group, line.Length);
                        TensorPrimitives.Min(low, line, low);
                        TensorPrimitives.Max(high, line, high);
                    }
                    else
                    {
                        least[group] = Math.Min(least[group], TensorPrimitives.Min(line));
                        most[group] = Math.Max(most[group], TensorPrimitives.Max(line));
                    }
                }
                foreach (float bound in least.Concat(most))
                    if (!(Math.Abs(bound) < Absurd))
                        throw new InvalidDataException($"Value '{name}' becomes {bound} on the calibration data. Check the model and the preprocessing (mean, std, size).");
            }
        }
    }

    /// <summary>How the elements of a tensor fall into groups: rows of consecutive elements that share a group, or (channel-wise) whose elements are one group each.</summary>
    readonly struct GroupLayout
    {
        readonly int rowsPerGroup;
        readonly int outerGroups;

        public GroupLayout(Grouping grouping, ReadOnlySpan<long> shape)
        {
            int rank = shape.Length;
            int count = 1;
            foreach (long size in shape)
                count *= (int)size;
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
