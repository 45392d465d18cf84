namespace LampQ.Onnx;

/// <summary>The integer types that weights are stored in.</summary>
public enum WeightContainer
{
    /// <summary>Every width, 2 to 8 bits, in int8: ONNX Runtime multiplies integers. Opset 13.</summary>
    Int8,
    /// <summary>Widths up to 4 bits in int4, wider ones in int8: half the file; ONNX Runtime dequantizes and multiplies floats. Opset 21.</summary>
    Int4,
}

/// <summary>What containers cost and need.</summary>
public static class WeightContainers
{
    /// <summary>The element type that weights of this width are stored in.</summary>
    public static ElementType TypeFor(this WeightContainer container, int bits) =>
        container == WeightContainer.Int4 && bits <= 4 ? ElementType.Int4 : ElementType.Int8;

    /// <summary>Bytes of a weight of this many elements and this width, without its scales.</summary>
    public static long SizeInBytes(this WeightContainer container, long elements, int bits) =>
        Tensor.SizeInBytes(container.TypeFor(bits), [elements]);

    /// <summary>The lowest opset that has the operators the container needs.</summary>
    public static long MinimumOpset(this WeightContainer container) => container == WeightContainer.Int4 ? 21 : 13;
}
