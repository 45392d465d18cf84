namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>LRP-QViT (arXiv 2401.11243): <see cref="CrlQVit"/> with widths by layer-wise relevance: two first blocks a bit wider, the least relevant layers of each type a bit narrower.</summary>
    /// <remarks>The paper ranks by 50,000 training images; here by the first 32 calibration samples. Otherwise as <see cref="CrlQVit"/>.</remarks>
    public static Recipe LrpQVit { get; } = new LrpQVitRecipe();
}

sealed class LrpQVitRecipe : Recipe
{
    public override string Name => "lrp-qvit";

    public override string Paper => "LRP-QViT, arXiv 2401.11243";

    public override int? Year => 2024;

    public override string Sets => "crl-qvit, lrp-relevance, two-block";

    public override string Differs => "relevance of 32 images, not 50,000; as crl-qvit otherwise";

    public override bool IsMixed => true;

    public override int FewestSamples => FewestToFit;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) =>
        CrlQVit.Options(bits) with { Metric = SensitivityMetric.LrpRelevance, Rule = AllocationRule.TwoBlock };
}
