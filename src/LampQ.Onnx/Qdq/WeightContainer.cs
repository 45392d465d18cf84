namespace LampQ.Onnx;

/// <summary>The integer types that weights are stored in.</summary>
public enum WeightContainer
{
    /// <summary>Every width, 2 to 8 bits, in one byte: ONNX Runtime multiplies integers. Opset 13.</summary>
    Int8,
    /// <summary>Widths up to 4 bits in int4, wider ones in one byte: half the file; ONNX Runtime dequantizes and multiplies floats. Opset 21.</summary>
    Int4,
}

/// <summary>What containers cost and need.</summary>
public static class WeightContainers
{
    /// <summary>
    /// The element type that weights of this width are stored in: int8, int4 where the container has it, and uint8 with zero point 128 for 8 bits.
    /// </summary>
    /// <remarks>
    /// The u8·s8 kernels that ONNX Runtime takes on CPUs without VNNI add two products in 16 bits and saturate: 255·128·2 does not fit, 255·64·2 does.
    /// Its u8·u8 kernels are exact everywhere. DeiT-Tiny, uniform 8 bits, AVX2: mean KL 0.037 with int8, 0.006 with uint8.
    /// </remarks>
    public static ElementType TypeFor(this WeightContainer container, int bits) =>
        bits == 8 ? ElementType.UInt8 : container == WeightContainer.Int4 && bits <= 4 ? ElementType.Int4 : ElementType.Int8;

    /// <summary>Bytes of a weight of this many elements and this width, without its scales.</summary>
    public static long SizeInBytes(this WeightContainer container, long elements, int bits) =>
        Tensor.SizeInBytes(container.TypeFor(bits), [elements]);

    /// <summary>The lowest opset that has the operators the container needs.</summary>
    public static int MinimumOpset(this WeightContainer container) => container == WeightContainer.Int4 ? 21 : 13;
}
