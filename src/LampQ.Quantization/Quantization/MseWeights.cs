using System.Numerics;

namespace LampQ.Quantization;

public abstract partial class WeightQuantizer
{
    /// <summary>The scale of least squared error Σ_k p_k·(w_k − ŵ_k)², p the power of input channel k where it is known, else 1.</summary>
    public static WeightQuantizer Mse { get; } = new MseWeights();

    const int Steps = 80;

    /// <summary>Searches the scale of a row between that without clipping and a fraction of it.</summary>
    protected static float LeastErrorScale(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower)
    {
        float full = ScaleWithoutClipping(row, bits), best = full;
        double least = Error(row, full, bits, inputPower, double.PositiveInfinity);
        float smallest = bits <= 3 ? 0.2f : 0.4f;
        for (int step = 1; step <= Steps; step++)
        {
            float scale = full * (1 - (1 - smallest) * step / Steps);
            double error = Error(row, scale, bits, inputPower, least);
            if (error < least)
                (least, best) = (error, scale);
        }
        return best;
    }

    static double Error(ReadOnlySpan<float> row, float scale, int bits, ReadOnlySpan<float> power, double giveUpAt)
    {
        float low = -(1 << (bits - 1)), high = -low - 1, inverse = 1 / scale;
        double sum = 0;
        int i = 0;
        // Blocks are summed in float and added up in double: a block is short enough that nothing is lost, and a hopeless scale is left early.
        const int Block = 64;
        for (; i + Block <= row.Length; i += Block)
        {
            var block = Vector<float>.Zero;
            for (int j = i; j < i + Block; j += Vector<float>.Count)
            {
                var w = new Vector<float>(row[j..]);
                var error = w - Vector.Min(Vector.Max(Vector.Round(w * inverse), new Vector<float>(low)), new Vector<float>(high)) * scale;
                block += power.IsEmpty ? error * error : error * error * new Vector<float>(power[j..]);
            }
            sum += Vector.Sum(block);
            if (sum >= giveUpAt)
                return sum;
        }
        for (; i < row.Length; i++)
        {
            float error = row[i] - scale * Math.Clamp(MathF.Round(row[i] * inverse, MidpointRounding.ToEven), low, high);
            sum += power.IsEmpty ? error * error : power[i] * error * error;
        }
        return sum;
    }}

sealed class MseWeights : WeightQuantizer
{
    public override string Name => "mse";

    protected override float ScaleCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower) => LeastErrorScale(row, bits, inputPower);
}
