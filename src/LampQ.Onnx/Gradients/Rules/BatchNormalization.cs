namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Inference: y = (x − μ)·γ/σ + β per channel, σ = √(v + ε) with given mean μ and variance v. ∂x = g·γ/σ, ∂γ = Σ g·(x − μ)/σ, ∂β = Σ g,
    /// ∂μ = −Σ g·γ/σ, ∂v = −½·Σ g·γ·(x − μ)/σ³.
    /// </summary>
    public static BackwardRule BatchNormalization { get; } = new BatchNormalizationRule();
}

sealed class BatchNormalizationRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["BatchNormalization"];

    protected override void ApplyCore(BackwardStep step)
    {
        if (step.Node.Int("training_mode") != 0)
            throw step.Unsupported("it normalises with the batch's own statistics (training_mode = 1); export the model for inference");
        var emit = step.Emit;
        var g = step.Incoming;
        long[] sizes = step.SizesOf(0), perChannel = [sizes[1], .. Enumerable.Repeat(1L, sizes.Length - 2)];
        Value Channel(int input) => emit.Reshape(step.Input(input), perChannel);
        Value Sum(Value x) => emit.Reshape(emit.SumTo(x, perChannel), sizes[1]);
        var inverse = emit.Map("Reciprocal", emit.Map("Sqrt", emit.Add(Channel(4), step.Node.Float("epsilon", 1e-5f))));
        var factor = emit.Mul(Channel(1), inverse);
        Value Normalized() => emit.Mul(emit.Sub(step.Input(0), Channel(3)), inverse);
        step.Give(0, () => emit.Mul(g, factor));
        step.Give(1, () => Sum(emit.Mul(g, Normalized())));
        step.Give(2, () => Sum(g));
        step.Give(3, () => emit.Neg(Sum(emit.Mul(g, factor))));
        step.Give(4, () => emit.Mul(Sum(emit.Mul(emit.Mul(emit.Mul(g, Normalized()), factor), inverse)), -.5));
    }
}
