namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Gelu, y = x·Φ(x): y′ = Φ(x) + x·φ(x) with Φ(x) = ½(1 + erf(x/√2)), φ(x) = exp(−x²/2)/√(2π).
    /// With approximate = "tanh", y = ½x(1 + t), t = tanh(√(2/π)(x + 0.044715x³)): y′ = ½(1 + t) + ½x(1 − t²)·√(2/π)(1 + 3·0.044715x²).
    /// </summary>
    public static BackwardRule Gelu { get; } = new GeluRule();
}

sealed class GeluRule : ElementwiseRule
{
    const double Cubic = 0.044715;

    public override IReadOnlyList<string> Operators => ["Gelu"];

    protected override Value Slope(GraphEmitter emit, Node node, Value x, Value y)
    {
        var square = emit.Square(x);
        if (node.String("approximate", "none") == "tanh")
        {
            double c = Math.Sqrt(2 / Math.PI);
            var t = emit.Map("Tanh", emit.Mul(x, emit.Add(emit.Mul(square, c * Cubic), c)));
            var inner = emit.Add(emit.Mul(square, 3 * c * Cubic), c);
            var curve = emit.Mul(emit.Mul(x, emit.Sub(1, emit.Square(t))), inner);
            return emit.Mul(emit.Add(emit.Add(t, 1), curve), .5);
        }
        var cumulative = emit.Mul(emit.Add(emit.Map("Erf", emit.Mul(x, Math.Sqrt(.5))), 1), .5);
        var density = emit.Mul(emit.Map("Exp", emit.Mul(square, -.5)), 1 / Math.Sqrt(2 * Math.PI));
        return emit.Add(cumulative, emit.Mul(x, density));
    }
}
