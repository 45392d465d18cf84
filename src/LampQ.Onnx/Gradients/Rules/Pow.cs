namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = aᵇ: ∂a = g·b·aᵇ⁻¹, ∂b = g·y·ln a; ∂b counts as 0 where a ≤ 0, as y is no real function of b there.</summary>
    /// <remarks>A constant exponent of 0, 1, 2, 3 or ½ needs no second power: 0, g, 2ga, 3ga², g/(2y).</remarks>
    public static BackwardRule Pow { get; } = new PowRule();
}

sealed class PowRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Pow"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        Value a = step.Input(0), y = step.Node.Output, g = step.Incoming;
        var b = emit.Cast(step.Input(1), a.Type);
        double? exponent = step.ConstantOf(1) is { Count: 1 } constant ? constant.ToFloats()[0] : null;
        step.Give(0, () => exponent switch
        {
            0 => emit.Mul(g, 0),
            1 => g,
            2 => emit.Mul(emit.Mul(g, a), 2),
            3 => emit.Mul(emit.Mul(g, emit.Square(a)), 3),
            .5 => emit.Div(emit.Mul(g, .5), y),
            _ => emit.Mul(emit.Mul(g, b), emit.Pow(a, emit.Add(b, -1))),
        });
        step.Give(1, () =>
        {
            var one = emit.Number(1, a.Type);
            return emit.Mul(emit.Mul(g, y), emit.Map("Log", emit.Where(emit.Greater(a, 0), a, one)));
        });
    }
}
