namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>
    /// AdaLog (ECCV 2024, arXiv 2407.12951): RepQ-ViT's reparameterization of norms; scales by least squared error of the layer's output; a logarithm of adaptive base for the attention map and behind GELU.
    /// </summary>
    /// <remarks>
    /// Its search of 128 candidates in 6 steps and 3 rounds is replaced by one round of ours (<see cref="ActivationRange.OutputMse"/>). The paper's code
    /// calibrates with random crops; here with the centre crop.
    /// </remarks>
    public static Recipe AdaLog { get; } = new AdaLogRecipe();
}

sealed class AdaLogRecipe : Recipe
{
    public override string Name => "adalog";

    public override string Paper => "AdaLog, ECCV 2024, arXiv 2407.12951";

    public override int? Year => 2024;

    public override string Sets => "RepQ-ViT's norms, output-mse, adalog map and behind GELU";

    public override string Differs => "one round of search instead of three; no extra zero state";

    public override bool IsMixed => false;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => Published(bits) with
    {
        NormTransformation = EquivalentTransformation.LayerNormReparameterization,
        ActivationRange = ActivationRange.OutputMse,
        WeightQuantizer = WeightQuantizer.AsymmetricOutputMse,
        MapQuantizer = MapQuantizer.AdaLog,
        GeluQuantizer = GeluQuantizer.AdaLog,
    };
}
