namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = a·b: ∂a = g·b, ∂b = g·a. y = a/b: ∂a = g/b, ∂b = −g·y/b. Each summed over the axes it was broadcast along.</summary>
    public static BackwardRule MulDiv { get; } = new MulDivRule();
}

sealed class MulDivRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Mul", "Div"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        Value a = step.Input(0), b = step.Input(1);
        if (step.Node.Is("Mul"))
        {
            step.Give(0, () => emit.Mul(step.Incoming, b));
            step.Give(1, () => emit.Mul(step.Incoming, a));
            return;
        }
        step.Give(0, () => emit.Div(step.Incoming, b));
        step.Give(1, () => emit.Neg(emit.Div(emit.Mul(step.Incoming, step.Node.Output), b)));
    }
}
