namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x for x &gt; 0, s·x elsewhere, with a slope s that broadcasts to x: ∂x = g or g·s, ∂s = g·x where x ≤ 0.</summary>
    public static BackwardRule PRelu { get; } = new PReluRule();
}

sealed class PReluRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["PRelu"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        Value x = step.Input(0), slope = step.Input(1), g = step.Incoming, positive = emit.Greater(x, 0);
        step.Give(0, () => emit.Where(positive, g, emit.Mul(g, slope)));
        step.Give(1, () => emit.ZeroWhere(positive, emit.Mul(g, x)));
    }
}
