namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>The baseline of every paper: ranges from the smallest to the largest value seen, weights a row, activations a tensor; nothing is transformed, searched or compensated.</summary>
    public static Recipe MinMax { get; } = new MinMaxRecipe();
}

sealed class MinMaxRecipe : Recipe
{
    public override string Name => "minmax";

    public override string Paper => "the papers' baseline";

    public override string Sets => "min-max";

    public override bool IsMixed => false;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => Published(bits) with
    {
        ActivationRange = ActivationRange.MinMax,
        WeightQuantizer = WeightQuantizer.MinMax,
    };
}
