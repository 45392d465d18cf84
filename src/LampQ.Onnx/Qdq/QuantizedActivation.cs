namespace LampQ.Onnx;

/// <summary>A recognised quantized activation: [Clip →] QuantizeLinear → DequantizeLinear of one value (<see cref="QdqActivation.Match"/>).</summary>
/// <param name="Source">The float value, before the Clip where there is one.</param>
/// <param name="Quantizer">Codes as uint8: int8 codes and zero points have 128 added.</param>
/// <param name="Quantize">The QuantizeLinear.</param>
/// <param name="IsSigned">True where the graph stores int8.</param>
public sealed record QuantizedActivation(Value Source, AffineQuantizer Quantizer, Node Quantize, bool IsSigned);
