using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// Finds the clipping range of an activation from its histogram: percentile pairs as in RepQ-ViT (section 3.3 there), here also independently for
/// both ends, and then shrunken versions of the best; the least mean squared error wins.
/// </summary>
public static class RangeSearch
{
    static readonly float[] ScaleMoves = [1, 1.1f, 1 / 1.1f, 1.03f, 1 / 1.03f, 1.01f, 1 / 1.01f];
    static readonly double[] Tails = [0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];

    /// <summary>The asymmetric quantizer of least mean squared error.</summary>
    /// <param name="values">The values seen.</param>
    /// <param name="bits">2 to 8.</param>
    public static AffineQuantizer Asymmetric(Histogram values, int bits)
    {
        var (best, _) = Best(values, Tails.SelectMany(low => Tails.Select(high => AffineQuantizer.OfRange(values.Quantile(low), values.Quantile(1 - high), bits))));
        (best, double least) = Best(values, Shrink(0.5f).Select(f => AffineQuantizer.OfRange(best.Minimum * f, best.Maximum * f, bits)).Prepend(best));
        return bits == 8 ? best : Refine(values, best, least);
    }

    /// <summary>Descent on scale and zero point: at few bits a zero point more or less moves the range by much of its width, and both ends do not shrink alike.</summary>
    static AffineQuantizer Refine(Histogram values, AffineQuantizer best, double least)
    {
        for (bool isBetter = true; isBetter;)
        {
            isBetter = false;
            var start = best;
            foreach (int move in (int[])[0, -1, 1])
                foreach (float factor in ScaleMoves)
                    if (start.ZeroPoint + move is var zero && zero >= start.Low && zero <= start.High && start with { Scale = start.Scale * factor, ZeroPoint = zero } is var candidate
                        && MeanSquaredError(values, candidate) is var error && error < least)
                        (best, least, isBetter) = (candidate, error, true);
        }
        return best;
    }

    /// <summary>The quantizer with zero point 128 of least mean squared error.</summary>
    /// <param name="values">The values seen.</param>
    /// <param name="bits">2 to 8.</param>
    public static AffineQuantizer Centered(Histogram values, int bits)
    {
        float bound = Math.Max(Math.Abs(values.Min), Math.Abs(values.Max));
        return Best(values, Shrink(0.2f).Prepend(1).Select(f => AffineQuantizer.Centered(bound * f, bits))).Quantizer;
    }

    /// <summary>The range that an 8-bit quantizer of least mean squared error covers; 0 need not lie in it.</summary>
    public static (float Min, float Max) Clip(Histogram values)
    {
        // 8 bits over a range: step²/12 inside, the distance outside, which each end has for itself.
        var lows = Tails.Select(tail => values.Quantile(tail)).Select(min => (Bound: min, Outside: Outside(values, min, below: true))).ToArray();
        var highs = Tails.Select(tail => values.Quantile(1 - tail)).Select(max => (Bound: max, Outside: Outside(values, max, below: false))).ToArray();
        return lows.SelectMany(low => highs.Select(high => (Range: (low.Bound, high.Bound), Error: low.Outside + high.Outside + values.Total * Math.Pow(((double)high.Bound - low.Bound) / 255, 2) / 12)))
            .MinBy(c => c.Error).Range;
    }

    /// <summary>Mean squared error of a quantizer over a histogram.</summary>
    /// <param name="values">The values seen.</param>
    /// <param name="quantizer">Any code.</param>
    /// <returns>The mean of (error of the bin's middle)² + min(w, s)²/12: w is the width of a bin, whose values lie about its middle, and s the distance of levels around it. 0 where there are no values.</returns>
    public static double MeanSquaredError(Histogram values, ActivationQuantizer quantizer) =>
        quantizer is AffineQuantizer affine ? ErrorOfSteps(values, affine) : ErrorOfLevels(values, quantizer);

    /// <summary>The error where all steps are alike, without looking for levels: searches ask for it hundreds of times a layer.</summary>
    static double ErrorOfSteps(Histogram values, AffineQuantizer quantizer)
    {
        double sum = 0;
        double spread = Spread(values, quantizer.Scale);
        var counts = values.Counts;
        double low = quantizer.Minimum, high = quantizer.Maximum, scale = quantizer.Scale;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            if (counts[bin] == 0)
                continue;
            double x = values.Center(bin);
            double error = x <= low ? x - low : x >= high ? x - high : x - Math.Round(x / scale) * scale;
            sum += counts[bin] * (error * error + spread);
        }
        return values.Total == 0 ? 0 : sum / values.Total;
    }

    /// <summary>The error of levels at any distances; for equal ones that of <see cref="ErrorOfSteps"/>.</summary>
    internal static double ErrorOfLevels(Histogram values, ActivationQuantizer quantizer)
    {
        double sum = 0;
        var counts = values.Counts;
        float[] levels = [.. quantizer.Values];
        double[] spreads = [.. Steps(levels).Select(step => Spread(values, step))];
        for (int bin = 0; bin < counts.Length; bin++)
        {
            if (counts[bin] == 0)
                continue;
            float x = (float)values.Center(bin);
            int code = quantizer.CodeOf(x);
            double error = levels[code] - x;
            sum += counts[bin] * (error * error + spreads[code]);
        }
        return values.Total == 0 ? 0 : sum / values.Total;
    }

    static double Spread(Histogram values, double step)
    {
        double width = Math.Min(values.BinWidth, step);
        return width * width / 12;
    }

    /// <summary>The mean distance of each level to its neighbours.</summary>
    static IEnumerable<double> Steps(float[] levels)
    {
        float[] sorted = [.. levels.Distinct().Order()];
        return levels.Select(level =>
        {
            int at = Array.BinarySearch(sorted, level), below = Math.Max(at - 1, 0), above = Math.Min(at + 1, sorted.Length - 1);
            return above == below ? 0 : ((double)sorted[above] - sorted[below]) / (above - below);
        });
    }

    /// <summary>Squared distance to a bound of all values below it, or above it.</summary>
    static double Outside(Histogram values, float bound, bool below)
    {
        double sum = 0;
        var counts = values.Counts;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            double distance = values.Center(bin) - bound;
            if (distance < 0 == below)
                sum += counts[bin] * (distance * distance);
        }
        return sum;
    }

    static IEnumerable<float> Shrink(float to)
    {
        for (float factor = 0.98f; factor >= to; factor -= 0.02f)
            yield return factor;
    }

    static (AffineQuantizer Quantizer, double Error) Best(Histogram values, IEnumerable<AffineQuantizer> candidates) =>
        candidates.Select(q => (Quantizer: q, Error: MeanSquaredError(values, q))).MinBy(c => c.Error);
}
