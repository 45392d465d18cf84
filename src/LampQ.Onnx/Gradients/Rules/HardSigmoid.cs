namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// HardSigmoid, y = max(0, min(1, αx + β)): y′ = α where 0 &lt; αx + β &lt; 1, else 0 (defaults α = 0.2, β = 0.5).
    /// HardSwish, y = x·h(x) with h the former at α = 1/6, β = ½: y′ = h + x·h′.
    /// </summary>
    public static BackwardRule HardSigmoid { get; } = new HardSigmoidRule();
}

sealed class HardSigmoidRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["HardSigmoid", "HardSwish"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y)
    {
        bool swish = node.Is("HardSwish");
        double alpha = swish ? 1.0 / 6 : node.Float("alpha", .2f), beta = swish ? .5 : node.Float("beta", .5f);
        var line = emit.Add(emit.Mul(x, alpha), beta);
        var inside = emit.Cast(emit.And(emit.Greater(line, 0), emit.Less(line, 1)), x.Type);
        if (!swish)
            return emit.Mul(inside, alpha);
        // Above the ramp the slope is 1, on it αx + β + αx, below it 0.
        var above = emit.Cast(emit.Not(emit.Less(line, 1)), x.Type);
        return emit.Add(above, emit.Mul(inside, emit.Add(line, emit.Mul(x, alpha))));
    }
}
