namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>The default: mixed widths by measured damage, and error compensation, which no paper has together; <c>--effort</c> says how much time it may take.</summary>
    public static Recipe LampQPlus { get; } = new LampQPlusRecipe();
}

sealed class LampQPlusRecipe : Recipe
{
    public override string Name => "lampq+";

    public override string Paper => "LampQ.MLNet, the default";

    public override string Sets => "RepQ-ViT's norms, least squared error, zero points of weights, kl-damage, ilp, refinement, ridge-gptq; patch embedding, head and attention at 8 bits";

    public override bool IsMixed => true;

    protected override QuantizationOptions OptionsCore(int bits) => new();
}
