using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class GeluQuantizer
{
    /// <summary>
    /// For each layer the kind of least squared error at the target width, among those that can code its values. No kind is best everywhere: at 4 bits logarithms halve the error of layers
    /// without outliers, and lose to two regions where a few values are a hundred times the rest (docs/decisions/0017-activation-quantizers.md).
    /// </summary>
    public static GeluQuantizer Nearest { get; } = new NearestGelu();
}

sealed class NearestGelu : GeluQuantizer
{
    public override string Name => "nearest";

    public override GeluQuantizer KindFor(Histogram values, int bits, RangeChoice choice) =>
        All.Where(kind => kind != this && kind.Suits(values.Min)).MinBy(kind => RangeSearch.MeanSquaredError(values, kind.Choose(values, bits, choice)))!;

    protected override ActivationQuantizer ChooseCore(Histogram values, int bits, RangeChoice choice) => KindFor(values, bits, choice).Choose(values, bits, choice);
}
