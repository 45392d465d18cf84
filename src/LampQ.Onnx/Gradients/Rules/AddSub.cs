namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = a + b: ∂a = g, ∂b = g. y = a − b: ∂b = −g. Each summed over the axes it was broadcast along.</summary>
    public static BackwardRule AddSub { get; } = new AddSubRule();
}

sealed class AddSubRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Add", "Sub"];

    protected override void ApplyCore(BackwardStep step)
    {
        step.Give(0, () => step.Incoming);
        step.Give(1, () => step.Node.Is("Sub") ? step.Emit.Neg(step.Emit.SumTo(step.Incoming, step.SizesOf(1))) : step.Incoming);
    }
}
