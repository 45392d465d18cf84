namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>CRL-QViT (arXiv 2401.11243): clipped reparameterization of LayerNorm outputs, which moves outlier channels only, on RepQ-ViT's quantizers.</summary>
    /// <remarks>The paper keeps one activation quantizer a channel behind the norms; ONNX Runtime's integer kernels have one a tensor, and so has this: less accurate than published (docs/decisions/0016). λ is 1; the paper does not say.</remarks>
    public static Recipe CrlQVit { get; } = new CrlQVitRecipe();
}

sealed class CrlQVitRecipe : Recipe
{
    public override string Name => "crl-qvit";

    public override string Paper => "LRP-QViT, arXiv 2401.11243, its uniform part";

    public override int? Year => 2024;

    public override string Sets => "repq-vit's quantizers, clipped-reparameterization";

    public override string Differs => "one activation quantizer a tensor behind norms, not one a channel";

    public override bool IsMixed => false;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) =>
        RepQVit.Options(bits) with { NormTransformation = EquivalentTransformation.ClippedReparameterization };
}
