namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>
    /// LampQ (AAAI-26, 40(7):5691-5699): type-aware Fisher metric Ω = α(type)·tr(F), the exact integer program, and the error-based bit update, on AdaLog's quantizers.
    /// </summary>
    /// <remarks>
    /// The paper leaves open γ, μ, β, the widths offered, the estimator of F, and what patch embedding, head and attention operands hold (docs/decisions/0009): here Lemma 3's ratios, 4, 3, 2 to 8, the
    /// empirical trace at the label, or at the predicted class where samples have none, and the target's width, rounded. A(t) and the stop of the update are measured as KL, not as accuracy, so no labels are needed.
    /// </remarks>
    public static Recipe LampQ { get; } = new LampQRecipe();
}

sealed class LampQRecipe : Recipe
{
    public override string Name => "lampq";

    public override string Paper => "LampQ, AAAI-26, arXiv 2511.10004";

    public override int? Year => 2026;

    public override string Sets => "adalog's quantizers, type-aware-fisher, ilp, bit update";

    public override string Differs => "γ, μ, β and the estimator are unpublished and chosen by us; KL in place of accuracy";

    public override bool IsMixed => true;

    public override int FewestSamples => FewestToFit;

    public override int? Samples => 32;

    protected override QuantizationOptions OptionsCore(int bits) => AdaLog.Options(bits) with
    {
        Metric = SensitivityMetric.TypeAwareFisher,
        Rule = AllocationRule.Ilp,
        RefinementSteps = 12,
    };
}
