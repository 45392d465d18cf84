using System.Numerics;

namespace LampQ.Quantization;

public abstract partial class WeightQuantizer
{
    /// <summary>The scale of least squared error Σ_k p_k·(w_k − ŵ_k)², p the power of input channel k where it is known, else 1.</summary>
    public static WeightQuantizer Mse { get; } = new MseWeights();

    const int Steps = 80;

    /// <summary>Searches the scale of a row between that without clipping and a fraction of it.</summary>
    protected static WeightGrid LeastErrorGrid(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower)
    {
        var best = new WeightGrid(bits, ScaleWithoutClipping(row, bits));
        float full = best.Scale;
        double least = Error(row, best, inputPower, double.PositiveInfinity);
        for (int step = 1; step <= Steps; step++)
        {
            var grid = best with { Scale = Shrunk(full, bits, step) };
            double error = Error(row, grid, inputPower, least);
            if (error < least)
                (least, best) = (error, grid);
        }
        return best;
    }

    /// <summary>A scale of the search, from that without clipping to a fraction of it.</summary>
    static float Shrunk(float full, int bits, int step)
    {
        float smallest = bits <= 3 ? 0.2f : 0.4f;
        return full * (1 - (1 - smallest) * step / Steps);
    }

    /// <summary>Σ_k p_k·(w_k − ŵ_k)² of a row rounded to the nearest value of its grid, or some sum of at least <paramref name="giveUpAt"/>.</summary>
    protected static double Error(ReadOnlySpan<float> row, WeightGrid grid, ReadOnlySpan<float> power, double giveUpAt = double.PositiveInfinity)
    {
        float low = grid.Low, high = grid.High, scale = grid.Scale, inverse = 1 / scale;
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
    }
}

sealed class MseWeights : WeightQuantizer
{
    public override string Name => "mse";

    protected override WeightGrid GridCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower) => LeastErrorGrid(row, bits, inputPower);
}
