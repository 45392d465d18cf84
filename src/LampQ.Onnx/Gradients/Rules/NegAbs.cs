namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = −x: ∂x = −g. y = |x|: ∂x = g·sign(x), 0 at 0.</summary>
    public static BackwardRule NegAbs { get; } = new NegAbsRule();
}

sealed class NegAbsRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Neg", "Abs"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () => step.Node.Is("Neg")
        ? step.Emit.Neg(step.Incoming)
        : step.Emit.Mul(step.Incoming, step.Emit.Map("Sign", step.Input(0))));
}
