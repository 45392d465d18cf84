using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// LRP-QViT's layer importance (arXiv 2401.11243, equations 21 to 23): C_i = mean over samples and over the layer's output of (∇y ∘ R_y)⁺, R_y the relevance of the class
    /// (the label, else the prediction), S_i = C_i/ΣC, and D_i(b) = S_i times Lemma 3's error at b bits.
    /// </summary>
    /// <remarks>The paper only ranks with S and never asks what a width costs; the fall of the error with the bits is LampQ's. The rules it was made for are <c>first-block</c> and <c>two-block</c>; by a few dozen samples the order is chance.</remarks>
    public static SensitivityMetric LrpRelevance { get; } = new LrpRelevanceMetric();
}

sealed class LrpRelevanceMetric : SensitivityMetric
{
    public override string Name => "lrp-relevance";

    public override bool FollowsRoundingError => false;

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        string input = context.Calibration.Model.Graph.Inputs[0].Name;
        int batch = FixedBatch.Of(context.Calibration.Model) ?? 1;
        var model = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [input] = [batch, .. context.Samples.Shape.Select(d => (long)d)] }).Apply(context.Calibration.Model);
        var relevance = RelevanceGraph.Build(model, layers);
        using var session = new OnnxSession(relevance.Model, context.Options.Run.Session);
        int[] predictions = context.Reference.Predictions();
        var sums = new double[layers.Length];
        int first = 0;
        foreach (var x in context.Samples.Tensors(context.Options.Run with { BatchSize = batch }, context.Cancellation))
        {
            long[] classes = [.. Enumerable.Range(first, batch).Select(i => (long)(context.Samples.Label(i) ?? predictions[i]))];
            session.Run(new Dictionary<string, Tensor> { [input] = x, [relevance.Labels] = Tensor.Of(classes) }, [.. relevance.Contributions], (i, _, value) => sums[i] += value[0]);
            first += batch;
            context.Progress?.Invoke(context.Groups.Count * first / context.Samples.Count, context.Groups.Count);
        }

        // q, k and v count as the one output they are in models that fuse them.
        var of = layers.Select((l, i) => (l.Name, Sum: sums[i])).ToDictionary(p => p.Name, p => p.Sum);
        double[] contributions = [.. context.Groups.Select(g => g.Layers.Sum(l => of[l.Name] * l.OutputChannels) / g.Layers.Sum(l => l.OutputChannels))];
        double total = contributions.Sum();
        return [.. context.Groups.Select((group, g) =>
        {
            double share = total > 0 ? contributions[g] / total : 1.0 / context.Groups.Count;
            return new GroupSensitivity(group.Name, share, context.Bits.ToDictionary(b => b, b => share * ErrorRatios.Relative(b)));
        })];
    }
}
