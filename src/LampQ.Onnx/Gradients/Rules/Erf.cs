namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = erf x: y′ = 2/√π·exp(−x²).</summary>
    public static BackwardRule Erf { get; } = new ErfRule();
}

sealed class ErfRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Erf"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y) =>
        emit.Mul(emit.Map("Exp", emit.Neg(emit.Square(x))), 2 / Math.Sqrt(Math.PI));
}
