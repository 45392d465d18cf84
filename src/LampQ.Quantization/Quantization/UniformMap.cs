using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class MapQuantizer
{
    /// <summary>Uniform codes of A_ij/max_j A_ij, no calibration (docs/decisions/0008-attention-map.md). The only one that ONNX Runtime multiplies as integers; LampQ's kernels do so with all.</summary>
    public static MapQuantizer Uniform { get; } = new UniformMap();
}

sealed class UniformMap : MapQuantizer
{
    public override string Name => "uniform";

    protected override MapCode ChooseCore(int bits, ZeroState zero, Func<MapCode, double>? contextError) => MapCode.Uniform(bits);
}
