namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>Reshape, Flatten, Squeeze, Unsqueeze keep the elements in order: ∂x = g in x's shape.</summary>
    public static BackwardRule Reshape { get; } = new ReshapeRule();
}

sealed class ReshapeRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Reshape", "Flatten", "Squeeze", "Unsqueeze"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () => step.Emit.Reshape(step.Incoming, step.SizesOf(0)));
}
