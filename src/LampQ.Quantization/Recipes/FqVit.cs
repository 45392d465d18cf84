namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>FQ-ViT (IJCAI 2022, arXiv 2111.13824), its quantizers: min-max ranges, and an attention map in powers of two.</summary>
    /// <remarks>LayerNorm and softmax stay float here, so the power-of-two factors of LayerNorm inputs and the integer exponential have no place; the paper has both in integers. The paper's map holds 4 bits whatever the rest does; here Q, K, V and the map share a width.</remarks>
    public static Recipe FqVit { get; } = new FqVitRecipe();
}

sealed class FqVitRecipe : Recipe
{
    public override string Name => "fq-vit";

    public override string Paper => "FQ-ViT, IJCAI 2022, arXiv 2111.13824";

    public override int? Year => 2022;

    public override string Sets => "min-max, log2 map";

    public override string Differs => "LayerNorm and softmax stay float: no power-of-two factors, no integer exponential; the map has the width of Q, K and V, 4 bits in the paper";

    public override bool IsMixed => false;

    public override int? Samples => 128;

    protected override QuantizationOptions OptionsCore(int bits) => MinMax.Options(bits) with { MapQuantizer = MapQuantizer.Log2 };
}
