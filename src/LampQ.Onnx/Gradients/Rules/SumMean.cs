namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x₁ + … + xₙ (Sum) or that divided by n (Mean), with broadcasting: ∂xᵢ = g or g/n.</summary>
    public static BackwardRule SumMean { get; } = new SumMeanRule();
}

sealed class SumMeanRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Sum", "Mean"];

    protected override void ApplyCore(BackwardStep step)
    {
        double share = step.Node.Is("Mean") ? 1.0 / step.Node.Inputs.Count : 1;
        var g = step.Emit.Mul(step.Incoming, share);
        for (int i = 0; i < step.Node.Inputs.Count; i++)
            step.Give(i, () => g);
    }
}
