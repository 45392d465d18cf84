using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ActivationRange
{
    /// <summary>From the smallest to the largest value seen; nothing is clipped.</summary>
    public static ActivationRange MinMax { get; } = new MinMaxRange();
}

sealed class MinMaxRange : ActivationRange
{
    public override string Name => "min-max";

    protected override AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError) => AffineQuantizer.OfRange(values.Min, values.Max, bits);
}
