namespace LampQ.Quantization;

public abstract partial class WeightQuantizer
{
    /// <summary>No weight is clipped: scale = max(max w / (2^(bits−1) − 1), −min w / 2^(bits−1)).</summary>
    public static WeightQuantizer MinMax { get; } = new MinMaxWeights();
}

sealed class MinMaxWeights : WeightQuantizer
{
    public override string Name => "min-max";

    protected override WeightGrid GridCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower) => new(bits, ScaleWithoutClipping(row, bits));
}
