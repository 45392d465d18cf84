namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>
    /// RepQ-ViT (ICCV 2023, arXiv 2212.08254): per-channel quantizers behind LayerNorm, reparameterized to one a tensor; ranges from the percentiles of least squared error; log√2 for the attention map.
    /// </summary>
    /// <remarks>The mean zero point is rounded before it is used, as ONNX needs it (ALGORITHMS section 5). Weights are symmetric with the scale of least squared error a row, asymmetric from percentiles in the paper. Ranges are taken from the float model, layer after layer quantized in the paper.</remarks>
    public static Recipe RepQVit { get; } = new RepQVitRecipe();
}

sealed class RepQVitRecipe : Recipe
{
    public override string Name => "repq-vit";

    public override string Paper => "RepQ-ViT, ICCV 2023, arXiv 2212.08254";

    public override int? Year => 2023;

    public override string Sets => "norms reparameterized, percentile ranges";

    public override string Differs => "symmetric weights of least squared error; ranges from float inputs";

    public override bool IsMixed => false;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits, QuantizationProfile? profile) => OfRepQ(bits, profile);
}
