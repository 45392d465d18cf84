namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>LRP-QViT (arXiv 2401.11243): <see cref="CrlQVit"/> with widths by layer-wise relevance: the first block a bit wider, the least relevant layer of each type a bit narrower.</summary>
    /// <remarks>
    /// The paper ranks by 50,000 training images and calibrates with 32; here 512 samples rank, or as many as there are: by 32 the ranking is chance (docs/decisions/0019). It says that two blocks are raised, and its main table has the figure of one; one is closer to the float model here as well,
    /// and <c>--allocation two-block</c> raises two. Otherwise as <see cref="CrlQVit"/>.
    /// </remarks>
    public static Recipe LrpQVit { get; } = new LrpQVitRecipe();
}

sealed class LrpQVitRecipe : Recipe
{
    public override string Name => "lrp-qvit";

    public override string Paper => "LRP-QViT, arXiv 2401.11243";

    public override int? Year => 2024;

    public override string Sets => "crl-qvit, lrp-relevance, first-block";

    public override string Differs => "relevance of 512 images, not 50,000, without attention products; as crl-qvit otherwise";

    public override bool IsMixed => true;

    public override int FewestSamples => FewestToFit;

    public override int? Samples => Ranking;

    /// <summary>Samples that relevance is taken from.</summary>
    const int Ranking = 512;

    protected override QuantizationOptions OptionsCore(int bits) =>
        CrlQVit.Options(bits) with { Metric = SensitivityMetric.LrpRelevance, Rule = AllocationRule.FirstBlock, SensitivityImages = Ranking };
}
