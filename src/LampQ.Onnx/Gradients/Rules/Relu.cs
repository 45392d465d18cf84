namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Relu, y = max(0, x): y′ = 1 for x &gt; 0, else 0. LeakyRelu: α instead of 0 (default 0.01). Elu, y = α(eˣ − 1) for x ≤ 0:
    /// y′ = y + α there (default α = 1).
    /// </summary>
    public static BackwardRule Relu { get; } = new ReluRule();
}

sealed class ReluRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Relu", "LeakyRelu", "Elu"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y)
    {
        var positive = emit.Greater(x, 0);
        return node.OpType switch
        {
            "Relu" => emit.Cast(positive, x.Type),
            "LeakyRelu" => emit.Where(positive, emit.Number(1, x.Type), emit.Number(node.Float("alpha", .01f), x.Type)),
            _ => emit.Where(positive, emit.Number(1, x.Type), emit.Add(y, node.Float("alpha", 1))),
        };
    }
}
