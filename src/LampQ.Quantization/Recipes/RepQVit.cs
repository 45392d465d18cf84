namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>
    /// RepQ-ViT (ICCV 2023, arXiv 2212.08254): per-channel quantizers behind LayerNorm, reparameterized to one a tensor; ranges from the percentiles of least squared error; log√2 for the attention map.
    /// </summary>
    /// <remarks>The mean zero point is rounded before it is used, as ONNX needs it. Weights have a zero point a row, as in the paper. Ranges are taken from the float model, layer after layer quantized in the paper. The last code of the map is its zero: the paper's simulation has one state more than its bits can say (<c>--zero-state extra</c>).</remarks>
    public static Recipe RepQVit { get; } = new RepQVitRecipe();
}

sealed class RepQVitRecipe : Recipe
{
    public override string Name => "repq-vit";

    public override string Paper => "RepQ-ViT, ICCV 2023, arXiv 2212.08254";

    public override int? Year => 2023;

    public override string Sets => "norms reparameterized, percentile ranges of activations and of weights, log-sqrt2 map";

    public override string Differs => "ranges from float inputs; no extra zero state of the map";

    public override bool IsMixed => false;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => Published(bits) with
    {
        NormTransformation = EquivalentTransformation.LayerNormReparameterization,
        WeightQuantizer = WeightQuantizer.AsymmetricPercentile,
        ActivationRange = ActivationRange.Percentile,
        MapQuantizer = MapQuantizer.LogSqrt2,
    };
}
