using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// RepQ-ViT's scale reparameterization (arXiv 2212.08254, section 3.2): every channel c of a LayerNorm output moves into one common range,
    /// x'_c = (x_c − m_c)·r̄/r_c with m_c the middle and r_c the half width of its range, r̄ the mean of all r_c;
    /// γ' = γ·r̄/r, β' = (β − m)·r̄/r, and in every layer behind it W' = W·r/r̄ (by column), b' = b + W·m.
    /// </summary>
    /// <remarks>The paper states it with scales and zero points of a given bit-width; with the range itself, that which an 8-bit quantizer keeps, one transformation serves every bit-width.
    /// Norms whose output is used by anything but linear layers, or whose layers cannot take a bias, stay as they are.</remarks>
    public static EquivalentTransformation LayerNormReparameterization { get; } = new LayerNormReparameterizationTransformation();
}

sealed class LayerNormReparameterizationTransformation : EquivalentTransformation
{
    public override string Name => "layernorm-reparameterization";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => NormAffine.Needs(structure);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits) => NormAffine.Equalize(model, structure, statistics, NormAffine.RangeOf);
}
