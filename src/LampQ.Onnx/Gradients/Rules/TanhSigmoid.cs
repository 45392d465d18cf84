namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = tanh x: y′ = 1 − y². y = 1/(1 + e⁻ˣ): y′ = y·(1 − y).</summary>
    public static BackwardRule TanhSigmoid { get; } = new TanhSigmoidRule();
}

sealed class TanhSigmoidRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Tanh", "Sigmoid"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y) => node.Is("Tanh")
        ? emit.Sub(1, emit.Square(y))
        : emit.Mul(y, emit.Sub(1, y));
}
