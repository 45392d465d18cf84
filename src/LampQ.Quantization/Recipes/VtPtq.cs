namespace LampQ.Quantization;

public abstract partial class Recipe
{
    /// <summary>VT-PTQ (NeurIPS 2021, arXiv 2106.14156): scales by the error of a layer's output, bias correction, and widths by nuclear norm times squared error, one a layer, from two below to two above the target.</summary>
    /// <remarks>
    /// The paper maximizes Pearson's correlation of outputs plus a ranking loss of attention; here the squared error of outputs falls. It gives one width to each module (MSA or MLP); here each layer has its own, the norm
    /// being the module's. Its Pareto search is the exact program here.
    /// </remarks>
    public static Recipe VtPtq { get; } = new VtPtqRecipe();
}

sealed class VtPtqRecipe : Recipe
{
    public override string Name => "vt-ptq";

    public override string Paper => "VT-PTQ, NeurIPS 2021, arXiv 2106.14156";

    public override int? Year => 2021;

    public override string Sets => "output-mse, bias-correction, nuclear-norm, pareto";

    public override string Differs => "squared error in place of correlation and ranking loss; a width a layer, not a module";

    public override bool IsMixed => true;

    public override int FewestSamples => FewestToFit;

    public override int? Samples => 128;

    protected override QuantizationOptions OptionsCore(int bits) => Published(bits) with
    {
        ActivationRange = ActivationRange.OutputMse,
        WeightQuantizer = WeightQuantizer.OutputMse,
        Compensation = ErrorCompensation.BiasCorrection,
        Metric = SensitivityMetric.NuclearNorm,
        Rule = AllocationRule.Pareto,
        Bits = [.. Enumerable.Range(bits - 2, 5).Where(b => b is >= 2 and <= 8)],
    };
}
