using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class GeluQuantizer
{
    /// <summary>
    /// Logarithmic codes of x + 0.16997, base 2^(q/37) and scale searched together (AdaLog, arXiv 2407.12951, sections 3.2 and 3.3): a grid of both, then finer
    /// steps around the survivors as in its progressive combining search.
    /// </summary>
    public static GeluQuantizer AdaLog { get; } = new AdaLogGelu();
}

sealed class AdaLogGelu : GeluQuantizer
{
    const int Scales = 12, Survivors = 8;

    public override string Name => "adalog";

    protected override float Least => -Depth;

    protected override ActivationQuantizer ChooseCore(Histogram values, int bits, RangeChoice choice)
    {
        LogQuantizer Of(double scale, int q) => new(scale > 1e-20 ? (float)scale : 1, AdaLogBase.Exponent(q), Depth, bits, choice.Zero);
        double most = values.Max + Depth;
        if (values.BinWidth == 0)
            return Of(most, AdaLogBase.Least);
        double least = Math.Min(values.Quantile(0.9) + Depth, most), step = (most - least) / (Scales - 1);
        (double Scale, int Q)[] survivors = [.. from q in AdaLogBase.Grid(8) from i in Enumerable.Range(0, Scales) select (least + i * step, q)];
        survivors = Best(survivors);
        for (int width = 4; width >= 1; width /= 2)
        {
            step /= 2;
            survivors = Best([.. from s in survivors from q in (int[])[s.Q - width, s.Q, s.Q + width] from move in (double[])[-step, 0, step]
                                 where q is >= AdaLogBase.Least and <= AdaLogBase.Most && s.Scale + move > 0 select (Math.Min(s.Scale + move, most), q)]);
        }
        return choice.Best(values, survivors.Select(s => Of(s.Scale, s.Q)));

        (double, int)[] Best((double Scale, int Q)[] all) => [.. all.Distinct().OrderBy(c => RangeSearch.MeanSquaredError(values, Of(c.Scale, c.Q))).Take(Survivors)];
    }
}
