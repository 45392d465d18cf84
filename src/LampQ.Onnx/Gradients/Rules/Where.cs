namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = a where the condition holds, b elsewhere: ∂a = g where it holds, ∂b = g where it does not.</summary>
    public static BackwardRule Where { get; } = new WhereRule();
}

sealed class WhereRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Where"];

    protected override void ApplyCore(BackwardStep step)
    {
        step.Give(1, () => step.Emit.WhereElseZero(step.Input(0), step.Incoming));
        step.Give(2, () => step.Emit.ZeroWhere(step.Input(0), step.Incoming));
    }
}
