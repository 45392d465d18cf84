namespace LampQ.Quantization;

/// <summary>What kind of file is written; both hold the same integers.</summary>
public enum ExportFormat
{
    /// <summary>Standard QuantizeLinear and DequantizeLinear: every ONNX Runtime runs it, and <see cref="Runtime.LampQSession"/> lowers it while loading.</summary>
    Portable,
    /// <summary>LampQ's own operators with bit-packed weights (docs/formats.md): smallest, nothing to convert at load; only LampQ's kernels run it.</summary>
    Packed,
}
