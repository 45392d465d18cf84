namespace LampQ.Onnx;

/// <summary>
/// The asymmetric uniform quantizer of one activation: q = clamp(round(x / scale) + zeroPoint, low, high), x̂ = scale·(q − zeroPoint).
/// Codes lie in a byte; fewer than 8 bits use 2^bits neighbouring codes of it.
/// </summary>
/// <param name="Scale">Step, positive.</param>
/// <param name="ZeroPoint">The code of 0, between <paramref name="Low"/> and <paramref name="High"/>.</param>
/// <param name="Low">The smallest code.</param>
/// <param name="High">The largest code.</param>
public sealed record AffineQuantizer(float Scale, int ZeroPoint, int Low, int High) : ActivationQuantizer
{
    /// <inheritdoc/>
    public override int Bits => System.Numerics.BitOperations.Log2((uint)(High - Low + 1));

    /// <summary>The smallest value that is represented.</summary>
    public float Minimum => Scale * (Low - ZeroPoint);

    /// <summary>The largest value that is represented.</summary>
    public float Maximum => Scale * (High - ZeroPoint);

    /// <summary>The quantizer whose codes 0 to 2^bits − 1 cover a range, which is widened to contain 0 (ONNX zero points are codes).</summary>
    public static AffineQuantizer OfRange(float min, float max, int bits)
    {
        int high = (1 << bits) - 1;
        (min, max) = (Math.Min(min, 0), Math.Max(max, 0));
        float scale = Positive((max - min) / high);
        return new AffineQuantizer(scale, Math.Clamp((int)MathF.Round(-min / scale, MidpointRounding.ToEven), 0, high), 0, high);
    }

    /// <summary>The quantizer with zero point 128 whose 2^bits codes cover −bound to bound·(1 − 2^(1−bits)).</summary>
    public static AffineQuantizer Centered(float bound, int bits)
    {
        int half = 1 << (bits - 1);
        return new AffineQuantizer(Positive(bound / half), 128, 128 - half, 127 + half);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<float> Values => [.. Enumerable.Range(Low, High - Low + 1).Select(code => Scale * (code - ZeroPoint))];

    /// <inheritdoc/>
    /// <remarks>Counted from <see cref="Low"/>, whatever bytes the codes are stored as.</remarks>
    public override int CodeOf(float x) => (int)Math.Clamp(MathF.Round(x / Scale, MidpointRounding.ToEven) + ZeroPoint, Low, High) - Low;

    /// <summary>The value after rounding to a code and back; half to even, as in ONNX QuantizeLinear.</summary>
    public override float Apply(float x) => Scale * (Math.Clamp(MathF.Round(x / Scale, MidpointRounding.ToEven) + ZeroPoint, Low, High) - ZeroPoint);

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> Parameters =>
        [("scale", Tensor.Scalar(Scale)), ("zero", Tensor.Scalar((byte)ZeroPoint)), ("min", Tensor.Scalar(Minimum)), ("max", Tensor.Scalar(Maximum))];

    /// <summary>Clip → QuantizeLinear → DequantizeLinear.</summary>
    private protected override Value EmitCore(Steps steps, Func<string, Value> parameter)
    {
        var (scale, zero) = (parameter("scale"), parameter("zero"));
        var clipped = steps.Do("Clip", [steps.X, parameter("min"), parameter("max")], "clipped");
        return steps.Do("DequantizeLinear", [steps.Do("QuantizeLinear", [clipped, scale, zero], "quantized", ElementType.UInt8), scale, zero], "dequantized");
    }
}
