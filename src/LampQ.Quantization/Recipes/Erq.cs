namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>ERQ (ICML 2024, TPAMI 2025): RepQ-ViT's quantizers, then the ridge regressions that reduce the error of activations (Aqer) and weights (Wqer).</summary>
    /// <remarks>λ a token is the published one (<see cref="ErrorCompensation.Erq"/>), in the head too, where the published code takes less.</remarks>
    public static Recipe Erq { get; } = new ErqRecipe();
}

sealed class ErqRecipe : Recipe
{
    public override string Name => "erq";

    public override string Paper => "ERQ, ICML 2024, TPAMI 2025";

    public override int? Year => 2024;

    public override string Sets => "repq-vit's quantizers, erq compensation";

    public override string Differs => "λ a token the same everywhere; one grid a row of weights, where the published code has a second one for some columns of qkv and fc1";

    public override bool IsMixed => false;

    public override int FewestSamples => FewestToFit;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => RepQVit.Options(bits) with { Compensation = ErrorCompensation.Erq };
}
