namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = eˣ: y′ = y. y = ln x: y′ = 1/x.</summary>
    public static BackwardRule ExpLog { get; } = new ExpLogRule();
}

sealed class ExpLogRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Exp", "Log"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y) => node.Is("Exp") ? y : emit.Map("Reciprocal", x);
}
