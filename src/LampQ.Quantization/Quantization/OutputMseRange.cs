using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ActivationRange
{
    /// <summary>
    /// The range of least squared error where it counts, at the output of the layers behind: Σ ω·‖W·(x̂ − x)‖², ω the weight of a token. Starts at the range of least
    /// squared error of x itself and moves one end at a time.
    /// </summary>
    public static ActivationRange OutputMse { get; } = new OutputMseRange();
}

sealed class OutputMseRange : ActivationRange
{
    static readonly float[] Factors = [0.6f, 0.75f, 0.87f, 0.94f, 1.06f, 1.15f, 1.3f, 1.6f];

    public override string Name => "output-mse";

    public override bool NeedsOutputError => true;

    protected override AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError)
    {
        var best = RangeSearch.Asymmetric(values, bits);
        double least = outputError!(best);
        for (int round = 0; round < 2; round++)
        {
            var before = best;
            foreach (bool upper in (bool[])[true, false])
            {
                var from = best;
                foreach (float factor in Factors)
                {
                    var candidate = upper
                        ? AffineQuantizer.OfRange(from.Minimum, Math.Min(from.Maximum * factor, values.Max), bits)
                        : AffineQuantizer.OfRange(Math.Max(from.Minimum * factor, values.Min), from.Maximum, bits);
                    if (candidate == best || candidate == from)
                        continue;
                    double error = outputError(candidate);
                    if (error < least)
                        (least, best) = (error, candidate);
                }
            }
            if (best == before)
                break;
        }
        return best;
    }
}
