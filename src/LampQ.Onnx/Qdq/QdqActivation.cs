namespace LampQ.Onnx;

/// <summary>The pattern of a quantized activation: [Clip →] QuantizeLinear → DequantizeLinear with one scale and one zero point, uint8.</summary>
/// <remarks>
/// Fewer than 8 bits are written as Clip to the represented range before QuantizeLinear: the codes are the same as those of a narrower
/// quantizer, and ONNX Runtime still finds its integer kernels.
/// </remarks>
public sealed class QdqActivation(Graph graph)
{
    readonly Dictionary<(Value, AffineQuantizer), Value> written = [];

    /// <summary>The dequantized twin of a value; asked for twice with the same quantizer, the same one.</summary>
    /// <param name="value">A float value.</param>
    /// <param name="quantizer">Codes within a byte.</param>
    /// <param name="name">Prefix of the new names.</param>
    public Value Write(Value value, AffineQuantizer quantizer, string name)
    {
        if (written.TryGetValue((value, quantizer), out var twin))
            return twin;
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
        twin = graph.Emit("DequantizeLinear", [quantized, scale, zeroPoint], $"{name}.dequantized");
        (twin.Type, twin.Shape) = (ElementType.Float, value.Shape);
        return written[(value, quantizer)] = twin;
    }

    Value Scalar(string name, float value) => graph.AddInitializer(name, Tensor.Scalar(value));
}
