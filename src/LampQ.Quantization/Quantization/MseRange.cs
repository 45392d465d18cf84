using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ActivationRange
{
    /// <summary>The range of least squared error E(x̂ − x)², both ends on their own (<see cref="RangeSearch.Asymmetric"/>).</summary>
    public static ActivationRange Mse { get; } = new MseRange();
}

sealed class MseRange : ActivationRange
{
    public override string Name => "mse";

    protected override AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError) => RangeSearch.Asymmetric(values, bits);
}
