namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// y = x̂·γ + β, x̂ = (x − mean)/√(variance + ε) over all axes from <c>axis</c> on (default −1): ∂γ = Σ g·x̂, ∂β = Σ g,
    /// ∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(variance + ε) with ĝ = g·γ.
    /// </summary>
    public static BackwardRule LayerNormalization { get; } = new LayerNormalizationRule();
}

sealed class LayerNormalizationRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["LayerNormalization"];

    protected override void ApplyCore(BackwardStep step)
    {
        if (step.ArrivedAt(1) is not null || step.ArrivedAt(2) is not null)
            throw step.Unsupported("its outputs Mean and InvStdDev lead to the loss; only the first output is covered");
        var emit = step.Emit;
        var g = step.Incoming;
        int rank = step.SizesOf(0).Length, axis = step.Axis(step.Node.Int("axis", -1), rank);
        long[] axes = [.. Enumerable.Range(axis, rank - axis).Select(i => (long)i)];
        step.Give(2, () => g);
        if (!step.Wants(0) && !step.Wants(1))
            return;
        var (normalized, inverse) = Normalization.Forward(emit, step.Input(0), axes, step.Node.Float("epsilon", 1e-5f));
        step.Give(1, () => emit.Mul(g, normalized));
        step.Give(0, () => Normalization.Backward(emit, emit.Mul(g, step.Input(1)), normalized, inverse, axes));
    }
}
