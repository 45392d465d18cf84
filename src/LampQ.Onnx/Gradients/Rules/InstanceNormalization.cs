namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// y = x̂·γ + β per channel, x [N, C, ..]: InstanceNormalization takes mean and variance over each channel of each sample,
    /// GroupNormalization over <c>num_groups</c> groups of channels. ∂γ = Σ g·x̂, ∂β = Σ g, ∂x as for LayerNormalization.
    /// </summary>
    /// <remarks>GroupNormalization's γ and β have one number a group in opset 18 and one a channel in opset 21.</remarks>
    public static BackwardRule InstanceNormalization { get; } = new InstanceNormalizationRule();
}

sealed class InstanceNormalizationRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["InstanceNormalization", "GroupNormalization"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        long[] sizes = step.SizesOf(0), factors = step.SizesOf(1);
        long channels = sizes[1], groups = step.Node.Is("GroupNormalization") ? step.Node.Int("num_groups") : channels;
        // [N, groups, channels of a group, pixels]: everything is normalised over the last two axes.
        long[] grouped = [sizes[0], groups, channels / groups, sizes[2..].Aggregate(1L, (product, d) => product * d)];
        long[] factorShape = factors[0] == channels ? [groups, channels / groups, 1] : [groups, 1, 1];
        var g = emit.Reshape(step.Incoming, grouped);
        var (normalized, inverse) = Normalization.Forward(emit, emit.Reshape(step.Input(0), grouped), [2, 3], step.Node.Float("epsilon", 1e-5f));
        step.Give(0, () =>
        {
            var scaled = emit.Mul(g, emit.Reshape(step.Input(1), factorShape));
            return emit.Reshape(Normalization.Backward(emit, scaled, normalized, inverse, [2, 3]), sizes);
        });
        step.Give(1, () => emit.Reshape(emit.SumTo(emit.Mul(g, normalized), factorShape), factors));
        step.Give(2, () => emit.Reshape(emit.SumTo(g, factorShape), factors));
    }
}
