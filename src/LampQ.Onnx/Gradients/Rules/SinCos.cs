namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = sin x: y′ = cos x. y = cos x: y′ = −sin x.</summary>
    public static BackwardRule SinCos { get; } = new SinCosRule();
}

sealed class SinCosRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Sin", "Cos"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y) =>
        node.Is("Sin") ? emit.Map("Cos", x) : emit.Neg(emit.Map("Sin", x));
}
