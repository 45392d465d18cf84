namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = √x: y′ = 1/(2y). y = 1/x: y′ = −y². Not finite at 0, as the functions' slopes are not.</summary>
    public static BackwardRule Roots { get; } = new RootsRule();
}

sealed class RootsRule : ElementwiseRule
{
    public override IReadOnlyList<string> Operators => ["Sqrt", "Reciprocal"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y) => node.Is("Sqrt")
        ? emit.Div(emit.Number(.5, y.Type), y)
        : emit.Neg(emit.Square(y));
}
