namespace LampQ.Onnx;

/// <summary>How an attention map A is coded.</summary>
/// <param name="Quantizer">Quantizer of A, or of A_ij/max_j A_ij.</param>
/// <param name="IsRowByRow">True for the second: the context is multiplied by the row's maximum again.</param>
public sealed record MapCode(ActivationQuantizer Quantizer, bool IsRowByRow)
{
    /// <summary>Uniform codes 0 to 2^bits − 1 of A_ij/max_j A_ij (docs/decisions/0008-attention-map.md).</summary>
    public static MapCode Uniform(int bits) => new(AffineQuantizer.OfRange(0, 1, bits), true);
}
