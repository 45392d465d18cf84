using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class GeluQuantizer
{
    /// <summary>Uniform codes like every other layer's input. The only one that ONNX Runtime multiplies as integers; LampQ's kernels do so with all.</summary>
    public static GeluQuantizer Uniform { get; } = new UniformGelu();
}

sealed class UniformGelu : GeluQuantizer
{
    public override string Name => "uniform";

    protected override ActivationQuantizer ChooseCore(Histogram values, int bits, RangeChoice choice) => choice.Range.Choose(values, bits, choice.OutputError);
}
