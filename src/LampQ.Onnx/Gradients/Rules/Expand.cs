namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x repeated by broadcasting: ∂x = g summed over the axes x was repeated along.</summary>
    public static BackwardRule Expand { get; } = new ExpandRule();
}

sealed class ExpandRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Expand"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () => step.Incoming);
}
