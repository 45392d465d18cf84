using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// <see cref="LayerNormReparameterization"/> for few bits: x'_c = (x_c − m_c)·s̄/s_c with s_c the step of the 2^b levels of least squared error of channel c, m_c the level of code 2^(b−1) and s̄ the mean of all steps.
    /// The best range of 3 or 4 bits leaves out more of a channel than that of 8, and differently in each; and no half step is lost between an even number of levels and the zero point.
    /// </summary>
    /// <remarks>At 8 bits it is <see cref="LayerNormReparameterization"/>.</remarks>
    public static EquivalentTransformation LevelReparameterization { get; } = new LevelReparameterizationTransformation();
}

sealed class LevelReparameterizationTransformation : EquivalentTransformation
{
    public override string Name => "level-reparameterization";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => NormAffine.Needs(structure);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits) =>
        NormAffine.Equalize(model, structure, statistics, bits == 8 ? NormAffine.RangeOf : values => LevelsOf(values, bits));

    static (double Middle, double Width) LevelsOf(Histogram values, int bits)
    {
        var levels = EqualLevels.Of(values, bits);
        return (levels.Middle, levels.Step);
    }
}
