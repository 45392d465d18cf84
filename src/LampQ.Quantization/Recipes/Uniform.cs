namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary><see cref="LampQPlus"/> without its allocation: the same quantizers and compensation, one width for every layer. What mixed widths are worth is its difference from that.</summary>
    public static Recipe Uniform { get; } = new UniformRecipe();
}

sealed class UniformRecipe : Recipe
{
    public override string Name => "uniform";

    public override string Paper => "LampQ.MLNet, lampq+ without mixed widths";

    public override string Sets => "as lampq+, one width for every layer";

    public override bool IsMixed => false;

    protected override QuantizationOptions OptionsCore(int bits) => LampQPlus.Options(bits);
}
