using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ActivationRange
{
    /// <summary>
    /// Scale and zero point together, by the error at the output of the layers behind, Σ ω·‖W·(x̂ − x)‖²: fast progressive combining search (AdaLog, arXiv 2407.12951, section 3.3). A grid of
    /// 128 pairs, then five times 8 finer scales around each of the 16 best.
    /// </summary>
    /// <remarks>
    /// Zero points of the grid are centred on that of least squared error of x, not on the middle code as in the paper's code, so that values of one sign are served too. Up to 768 errors are measured an activation, against at most 32 of
    /// <see cref="OutputMse"/>.
    /// </remarks>
    public static ActivationRange Progressive { get; } = new ProgressiveRange();
}

sealed class ProgressiveRange : ActivationRange
{
    const int Evaluations = 128, Steps = 6, Survivors = 16, MostZeroPoints = 16;

    public override string Name => "fpcs";

    public override bool NeedsOutputError => true;

    protected override AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError)
    {
        int high = (1 << bits) - 1;
        var known = new Dictionary<AffineQuantizer, double>();
        var start = RangeSearch.Asymmetric(values, bits);

        int zeroPoints = Math.Min(MostZeroPoints, 1 << bits), scales = Evaluations / zeroPoints;
        int first = Math.Clamp(start.ZeroPoint - zeroPoints / 2, 0, high + 1 - zeroPoints);
        double least = (values.Quantile(0.9) - values.Quantile(0.1)) / high, most = Math.Max((double)values.Max - values.Min, least) / high, delta = (most - least) / (scales - 1);
        var survivors = Best([start, .. from zero in Enumerable.Range(first, zeroPoints) from i in Enumerable.Range(0, scales) select (AffineQuantizer?)Of(least + i * delta, zero)]);
        int finer = Evaluations / Survivors;
        for (int step = 1; step < Steps; step++)
        {
            survivors = Best([.. survivors, .. from s in survivors from i in Enumerable.Range(0, finer) select Of(s.Scale + delta * ((double)i / (finer - 1) - 0.5), s.ZeroPoint)]);
            delta /= finer - 0.5;
        }
        return survivors[0];

        // A range beyond the values seen spends codes on nothing.
        AffineQuantizer? Of(double scale, int zero)
        {
            if (!(scale > 0 && float.IsFinite((float)scale)))
                return null;
            var quantizer = new AffineQuantizer((float)scale, zero, 0, high);
            return quantizer.Maximum <= Math.Max(values.Max, 0) + scale && quantizer.Minimum >= Math.Min(values.Min, 0) - scale ? quantizer : null;
        }

        AffineQuantizer[] Best(IEnumerable<AffineQuantizer?> all) => [.. all.OfType<AffineQuantizer>().Distinct().OrderBy(Error).Take(Survivors)];

        double Error(AffineQuantizer quantizer)
        {
            if (!known.TryGetValue(quantizer, out double error))
                known[quantizer] = error = outputError!(quantizer);
            return error;
        }
    }
}
