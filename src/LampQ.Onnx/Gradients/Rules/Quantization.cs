namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// x̂ = (q − z)·s with q = clamp(round(x/s) + z): rounding passes straight through (STE), clamping does not. ∂x = ∂x̂ where x/s lies in
    /// [qmin − z, qmax − z], else 0; ∂s = Σ ∂x̂·(q − z − [inside]·x/s), the step size gradient of LSQ (Esser et al. 2020). Zero points are fixed.
    /// </summary>
    /// <remarks>
    /// Between the two nodes the backward value is that of q taken as a real number. Scalars and one scale per index of an axis are
    /// covered; blocks are not. A DequantizeLinear of constant integers (a stored weight) hands their gradient on if they are wanted.
    /// </remarks>
    public static BackwardRule Quantization { get; } = new QuantizationRule();
}

sealed class QuantizationRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["QuantizeLinear", "DequantizeLinear"];

    public override bool Carries(Node node, int input) => input < 2 && (input == 0 || base.Carries(node, input));

    public override bool Accepts(Value output) => true;

    protected override void ApplyCore(BackwardStep step)
    {
        if (step.Node.Int("block_size") != 0)
            throw step.Unsupported("it quantizes in blocks; only one scale, or one per index of an axis, is covered");
        var emit = step.Emit;
        var g = step.Incoming;
        long[] sizes = step.SizesOf(0), factors = step.SizesOf(1), broadcast = factors;
        if (factors.Length == 1 && sizes.Length > 0)
        {
            int axis = factors[0] == 1 ? 0 : step.Axis(step.Node.Int("axis", 1), sizes.Length);
            broadcast = [.. sizes.Select((_, i) => i == axis ? factors[0] : 1)];
        }
        var s = emit.Reshape(step.Input(1), broadcast);
        if (step.Node.Is("DequantizeLinear"))
        {
            step.Give(0, () => emit.Mul(g, s));
            step.Give(1, () =>
            {
                var centered = emit.Cast(step.Input(0), s.Type);
                if (step.Node.Input(2) is { } zero)
                    centered = emit.Sub(centered, emit.Reshape(emit.Cast(zero, s.Type), broadcast));
                return emit.Reshape(emit.SumTo(emit.Mul(g, centered), broadcast), factors);
            });
            return;
        }
        var (low, high) = Range(step);
        var ratio = emit.Div(step.Input(0), s);
        var shifted = step.Node.Input(2) is { } z ? emit.Add(ratio, emit.Reshape(emit.Cast(z, s.Type), broadcast)) : ratio;
        var inside = emit.ZeroWhere(emit.Greater(shifted, high), emit.ZeroWhere(emit.Less(shifted, low), g));
        step.Give(0, () => emit.Div(inside, s));
        step.Give(1, () => emit.Reshape(emit.SumTo(emit.Neg(emit.Div(emit.Mul(inside, ratio), s)), broadcast), factors));
    }

    static (double Low, double High) Range(BackwardStep step) => step.Node.Output.Type switch
    {
        ElementType.UInt8 => (byte.MinValue, byte.MaxValue),
        ElementType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        ElementType.UInt16 => (ushort.MinValue, ushort.MaxValue),
        ElementType.Int16 => (short.MinValue, short.MaxValue),
        ElementType.UInt4 => (0, 15),
        ElementType.Int4 => (-8, 7),
        var other => throw step.Unsupported($"it quantizes to {other}; integers of 4, 8 or 16 bits are covered"),
    };
}
