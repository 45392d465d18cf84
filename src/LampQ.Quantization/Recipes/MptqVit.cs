namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>MPTQ-ViT (arXiv 2401.14895): SmoothQuant with a shift of the norms' outputs (SQ-b), two regions with steps a power of two apart behind GELU (OPT-m), and greedy widths by what a bit less costs and saves.</summary>
    /// <remarks>Only the abstract and parts of the paper were at hand: the score of its greedy rule is our reading, with the KL of one layer alone as the cost of a bit.</remarks>
    public static Recipe MptqVit { get; } = new MptqVitRecipe();
}

sealed class MptqVitRecipe : Recipe
{
    public override string Name => "mptq-vit";

    public override string Paper => "MPTQ-ViT, arXiv 2401.14895";

    public override int? Year => 2024;

    public override string Sets => "smoothquant-bias, mse, region behind GELU, kl-damage, greedy";

    public override string Differs => "the greedy score is our reading of the abstract";

    public override bool IsMixed => true;

    public override int FewestSamples => FewestToFit;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => Published(bits) with
    {
        NormTransformation = EquivalentTransformation.SmoothQuantWithBias,
        GeluQuantizer = GeluQuantizer.Region,
        Metric = SensitivityMetric.KlDamage,
        Rule = AllocationRule.Greedy,
    };
}
