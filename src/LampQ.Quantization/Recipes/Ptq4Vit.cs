namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>PTQ4ViT (ECCV 2022, arXiv 2111.12293): scales by the weighted error of a layer's output, and twin uniform quantizers of the attention map and behind GELU.</summary>
    /// <remarks>Weights have a scale a row, one a layer in the paper. Tokens are weighed by the norm of the gradient of a drawn class, for the paper's gradient of KL(y, y) is zero. Activations are asymmetric.</remarks>
    public static Recipe Ptq4Vit { get; } = new Ptq4VitRecipe();
}

sealed class Ptq4VitRecipe : Recipe
{
    public override string Name => "ptq4vit";

    public override string Paper => "PTQ4ViT, ECCV 2022, arXiv 2111.12293";

    public override int? Year => 2022;

    public override string Sets => "output-mse, twin map and behind GELU";

    public override string Differs => "a scale a row of weights; gradients of a drawn class";

    public override bool IsMixed => false;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => Published(bits) with
    {
        ActivationRange = ActivationRange.OutputMse,
        WeightQuantizer = WeightQuantizer.OutputMse,
        MapQuantizer = MapQuantizer.Twin,
        GeluQuantizer = GeluQuantizer.Twin,
    };
}
