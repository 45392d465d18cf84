using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ActivationRange
{
    /// <summary>From the (1 − p)- to the p-quantile, p the one of 0.999, 0.9999 and 0.99999 with the least squared error (RepQ-ViT, arXiv 2212.08254, and its code).</summary>
    public static ActivationRange Percentile { get; } = new PercentileRange();
}

sealed class PercentileRange : ActivationRange
{
    /// <summary>1 − p.</summary>
    public static readonly double[] Tails = [1e-3, 1e-4, 1e-5];

    public override string Name => "percentile";

    protected override AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError) =>
        Tails.Select(tail => AffineQuantizer.OfRange(values.Quantile(tail), values.Quantile(1 - tail), bits)).MinBy(q => RangeSearch.MeanSquaredError(values, q))!;
}
