namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = ln(1 + eˣ): y′ = sigmoid(x). y = x/(1 + |x|): y′ = (1 − |y|)².</summary>
    public static BackwardRule SoftplusSoftsign { get; } = new SoftplusSoftsignRule();
}

sealed class SoftplusSoftsignRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Softplus", "Softsign"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y) => node.Is("Softplus")
        ? emit.Map("Sigmoid", x)
        : emit.Square(emit.Sub(1, emit.Map("Abs", y)));
}
