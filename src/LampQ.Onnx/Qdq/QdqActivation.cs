namespace LampQ.Onnx;

/// <summary>The pattern of a quantized activation: [Clip →] QuantizeLinear → DequantizeLinear with one scale and one zero point, uint8.</summary>
/// <remarks>
/// Fewer than 8 bits are written as Clip to the represented range before QuantizeLinear: the codes are the same as those of a narrower
/// quantizer, and ONNX Runtime still finds its integer kernels.
/// Other codes than uniform ones are written as their formula in standard operators (<see cref="ActivationQuantizer.Emit"/>).
/// </remarks>
public sealed class QdqActivation(Graph graph)
{
    readonly Dictionary<(Value, ActivationQuantizer), Value> written = [];

    /// <summary>The dequantized twin of a value; asked for twice with the same quantizer, the same one.</summary>
    /// <param name="value">A float value.</param>
    /// <param name="quantizer">Codes within a byte.</param>
    /// <param name="name">Prefix of the new names.</param>
    public Value Write(Value value, ActivationQuantizer quantizer, string name)
    {
        if (written.TryGetValue((value, quantizer), out var twin))
            return twin;
        if (quantizer is AffineQuantizer affine)
            twin = WriteAffine(value, affine, name);
        else
        {
            var parameters = quantizer.Parameters.ToDictionary(p => p.Name, p => graph.AddInitializer($"{name}.{p.Name}", p.Value));
            twin = quantizer.Emit(graph, value, p => parameters[p], name);
        }
        return written[(value, quantizer)] = twin;
    }

    Value WriteAffine(Value value, AffineQuantizer quantizer, string name)
    {
        var clipped = value;
        if (quantizer.Low > 0 || quantizer.High < 255)
        {
            clipped = graph.Emit("Clip", [value, Scalar($"{name}.clip_min", quantizer.Minimum), Scalar($"{name}.clip_max", quantizer.Maximum)], $"{name}.clipped");
            (clipped.Type, clipped.Shape) = (ElementType.Float, value.Shape);
        }
        var scale = Scalar($"{name}.scale", quantizer.Scale);
        var zeroPoint = graph.AddInitializer($"{name}.zero_point", Tensor.Scalar((byte)quantizer.ZeroPoint));
        var quantized = graph.Emit("QuantizeLinear", [clipped, scale, zeroPoint], $"{name}.quantized");
        (quantized.Type, quantized.Shape) = (ElementType.UInt8, value.Shape);
        var twin = graph.Emit("DequantizeLinear", [quantized, scale, zeroPoint], $"{name}.dequantized");
        (twin.Type, twin.Shape) = (ElementType.Float, value.Shape);
        return twin;
    }

    /// <summary>What a dequantized value stands for; null where it is no quantized activation with one scale and one zero point in 8 bits.</summary>
    /// <param name="dequantized">Any value of a graph whose constants are initializers or Constant nodes.</param>
    public static QuantizedActivation? Match(Value dequantized)
    {
        if (dequantized.Producer is not { } dequantize || !dequantize.Is("DequantizeLinear") || dequantize.Input(0)?.Producer is not { } quantize || !quantize.Is("QuantizeLinear"))
            return null;
        if (Parameters(quantize) is not { } parameters || Parameters(dequantize) != parameters || quantize.Input(0) is not { } source)
            return null;
        var (scale, zeroPoint, type) = parameters;
        int low = 0, high = 255, shift = type == ElementType.Int8 ? 128 : 0;
        if (source.Producer is { } clip && clip.Is("Clip") && clip.Input(0) is { } clipped && Limit(clip, 1, float.NegativeInfinity) is { } min && Limit(clip, 2, float.PositiveInfinity) is { } max && min <= max)
        {
            // Rounding is monotone: the code of a clipped value is the clipped code.
            source = clipped;
            (low, high) = (CodeOf(min), CodeOf(max));
        }
        return new QuantizedActivation(source, new AffineQuantizer(scale, zeroPoint + shift, low, high), quantize, type == ElementType.Int8);

        int CodeOf(float value) => (int)Math.Clamp(MathF.Round(value / scale, MidpointRounding.ToEven) + zeroPoint + shift, 0, 255);
    }

    static float? Limit(Node clip, int index, float whenAbsent) =>
        clip.Input(index) is not { } limit ? whenAbsent : limit.Constant is { Count: 1, Type: ElementType.Float } tensor ? tensor.ToFloats()[0] : null;

    static (float Scale, int ZeroPoint, ElementType Type)? Parameters(Node node)
    {
        if (node.Input(1)?.Constant is not { Count: 1, Type: ElementType.Float } scale || node.Int("block_size") != 0)
            return null;
        var type = node.Input(2)?.Constant?.Type ?? (node.Int("output_dtype") is var stated and not 0 && node.Is("QuantizeLinear") ? (ElementType)stated : ElementType.UInt8);
        if (node.Input(2) is { } given && given.Constant is not { Count: 1 } || type is not (ElementType.UInt8 or ElementType.Int8))
            return null;
        float step = scale.ToFloats()[0];
        return step > 0 && float.IsFinite(step) ? (step, (int)(node.Input(2)?.Constant?.ToIntegers()[0] ?? 0), type) : null;
    }

    Value Scalar(string name, float value) => graph.AddInitializer(name, Tensor.Scalar(value));
}
