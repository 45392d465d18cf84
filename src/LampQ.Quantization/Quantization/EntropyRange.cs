using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ActivationRange
{
    /// <summary>
    /// The range that keeps most information: least KL(P ‖ Q), P the distribution of the clipped values over the histogram's bins, Q that of the quantized ones,
    /// each code spread evenly over the bins it stands for that were not empty (the calibration of TensorRT, Migacz, GTC 2017), here with both ends searched.
    /// </summary>
    public static ActivationRange Entropy { get; } = new EntropyRange();
}

sealed class EntropyRange : ActivationRange
{
    static readonly double[] Tails = [0, 1e-5, 1e-4, 1e-3, 1e-2];

    public override string Name => "entropy";

    protected override AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError) =>
        (from low in Tails from high in Tails from shrink in (float[])[1, 0.85f, 0.7f]
         select AffineQuantizer.OfRange(values.Quantile(low) * shrink, values.Quantile(1 - high) * shrink, bits)).MinBy(q => Divergence(values, q))!;

    /// <summary>KL(P ‖ Q) in nats.</summary>
    internal static double Divergence(Histogram values, AffineQuantizer quantizer)
    {
        var counts = values.Counts;
        int levels = quantizer.High - quantizer.Low + 1;
        var codes = new int[counts.Length];
        var clipped = new double[counts.Length];
        var (total, filled) = (new double[levels], new int[levels]);
        int first = counts.Length, last = -1;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            double x = values.Center(bin);
            if (x >= quantizer.Minimum - quantizer.Scale / 2 && x <= quantizer.Maximum + quantizer.Scale / 2)
                (first, last) = (Math.Min(first, bin), bin);
        }
        if (last < 0)
            return double.PositiveInfinity;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            // What is clipped counts where it is moved to in P, but Q knows only what was inside: that is what clipping costs.
            clipped[Math.Clamp(bin, first, last)] += counts[bin];
            if (bin < first || bin > last || counts[bin] == 0)
                continue;
            codes[bin] = (int)Math.Clamp(Math.Round(values.Center(bin) / quantizer.Scale) + quantizer.ZeroPoint - quantizer.Low, 0, levels - 1);
            total[codes[bin]] += counts[bin];
            filled[codes[bin]]++;
        }
        double inside = total.Sum(), divergence = 0;
        for (int bin = first; bin <= last; bin++)
        {
            if (clipped[bin] == 0)
                continue;
            double p = clipped[bin] / values.Total;
            double q = counts[bin] == 0 ? 0.5 / values.Total : total[codes[bin]] / filled[codes[bin]] / inside;
            divergence += p * Math.Log(p / q);
        }
        return divergence;
    }
}
