namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = min(max(x, lo), hi): ∂x = g where lo ≤ x ≤ hi, else 0; ∂lo = Σ g where x &lt; lo; ∂hi = Σ g where x &gt; hi.</summary>
    public static BackwardRule Clip { get; } = new ClipRule();
}

sealed class ClipRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Clip"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        Value x = step.Input(0), g = step.Incoming;
        Value? low = step.Node.Input(1), high = step.Node.Input(2);
        var below = low is null ? null : emit.Less(x, low);
        var above = high is null ? null : emit.Greater(x, high);
        step.Give(0, () =>
        {
            var inside = below is null ? g : emit.ZeroWhere(below, g);
            return above is null ? inside : emit.ZeroWhere(above, inside);
        });
        step.Give(1, () => emit.WhereElseZero(below!, g));
        step.Give(2, () => emit.WhereElseZero(above!, g));
    }
}
