using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// RepQ-ViT's scale reparameterization (arXiv 2212.08254, section 3.2): every channel c of a LayerNorm output moves into one common range,
    /// x'_c = (x_c − m_c)·r̄/r_c with m_c the middle and r_c the half width of its range, r̄ the mean of all r_c;
    /// γ' = γ·r̄/r, β' = (β − m)·r̄/r, and in every layer behind it W' = W·r/r̄ (by column), b' = b + W·m.
    /// </summary>
    /// <remarks>At 8 bits r is that of the range an 8-bit quantizer keeps. Below, as in the paper, it goes by the channel's own quantizer: r the step of the 2^b levels of least squared error, m the level of code 2^(b−1).
    /// Norms whose output is used by anything but linear layers, or whose layers cannot take a bias, stay as they are.</remarks>
    public static EquivalentTransformation LayerNormReparameterization { get; } = new LayerNormReparameterizationTransformation();
}

sealed class LayerNormReparameterizationTransformation : EquivalentTransformation
{
    public override string Name => "layernorm-reparameterization";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => NormAffine.Needs(structure);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var norm in NormAffine.Suitable(structure))
        {
            var channels = statistics[norm.Output.Name].Groups.Select(g => bits == 8 ? OfRange(RangeSearch.Clip(g)) : OfLevels(EqualLevels.Of(g, bits))).ToArray();
            double mean = channels.Average(c => c.Width);
            if (mean > 0)
                NormAffine.Apply(model, norm, [.. channels.Select(c => c.Middle)], [.. NormAffine.Bounded([.. channels.Select(c => c.Width)]).Select(w => w / mean)]);
        }
    }

    static (double Middle, double Width) OfRange((float Min, float Max) range) => ((range.Max + (double)range.Min) / 2, (range.Max - (double)range.Min) / 2);

    static (double Middle, double Width) OfLevels(EqualLevels levels) => (levels.Middle, levels.Step);
}
