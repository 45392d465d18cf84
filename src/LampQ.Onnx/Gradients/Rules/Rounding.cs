namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Round, Floor, Ceil: ∂x = g, the straight-through estimate (Bengio et al. 2013). The true derivative is 0 almost everywhere, which
    /// would end every gradient at the first simulated quantizer.
    /// </summary>
    public static BackwardRule Rounding { get; } = new RoundingRule();
}

sealed class RoundingRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Round", "Floor", "Ceil"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () => step.Incoming);
}
