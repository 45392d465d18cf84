using System.Numerics.Tensors;

namespace LampQ.Quantization;

public abstract partial class WeightQuantizer
{
    /// <summary>From the (1 − p)- to the p-quantile of the row, 0 included, p the one of 0.999, 0.9999 and 0.99999 with the least squared error, with a zero point (RepQ-ViT, arXiv 2212.08254, and its code).</summary>
    public static WeightQuantizer AsymmetricPercentile { get; } = new AsymmetricPercentileWeights();

    /// <summary>Scale and zero point of least squared error Σ_k p_k·(w_k − ŵ_k)², p the power of input channel k where it is known, else 1.</summary>
    public static WeightQuantizer AsymmetricMse { get; } = new AsymmetricMseWeights("asymmetric-mse", needsInputPower: false);

    /// <summary>The same with p as in <see cref="OutputMse"/> (AdaLog, arXiv 2407.12951, whose search is by the layer's output).</summary>
    public static WeightQuantizer AsymmetricOutputMse { get; } = new AsymmetricMseWeights("asymmetric-output-mse", needsInputPower: true);

    /// <summary>The grid whose codes span a range, which is widened to include 0.</summary>
    protected static WeightGrid GridOfRange(float low, float high, int bits)
    {
        (low, high) = (Math.Min(low, 0), Math.Max(high, 0));
        float scale = (high - low) / ((1 << bits) - 1);
        return scale > 1e-30f ? new WeightGrid(bits, scale, WeightGrid.ZeroPointFor(bits, (low + high) / (2 * scale))) : new WeightGrid(bits, 1);
    }

    /// <summary>Searches scales from that which spans the row down to a fraction, and for each the zero points around the middle of the row.</summary>
    protected static WeightGrid LeastErrorAsymmetricGrid(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower)
    {
        var full = GridOfRange(TensorPrimitives.Min(row), TensorPrimitives.Max(row), bits);
        var best = full;
        double least = Error(row, best, inputPower);
        for (int step = 0; step <= Steps; step += 2)
        {
            var middle = full.Scaled(Shrunk(1, bits, step));
            for (int aside = -1; aside <= 1; aside++)
            {
                var grid = middle with { ZeroPoint = Math.Clamp(middle.ZeroPoint + aside, -(1 << (bits - 1)), (1 << (bits - 1)) - 1) };
                double error = Error(row, grid, inputPower, least);
                if (error < least)
                    (least, best) = (error, grid);
            }
        }
        return best;
    }
}

sealed class AsymmetricPercentileWeights : WeightQuantizer
{
    public override string Name => "asymmetric-percentile";

    protected override WeightGrid GridCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower)
    {
        float[] sorted = row.ToArray();
        Array.Sort(sorted);
        var best = new WeightGrid(bits, 1);
        double least = double.PositiveInfinity;
        foreach (double tail in PercentileRange.Tails)
        {
            var grid = GridOfRange(Quantile(sorted, tail), Quantile(sorted, 1 - tail), bits);
            double error = Error(row, grid, [], least);
            if (error < least)
                (least, best) = (error, grid);
        }
        return best;
    }

    /// <summary>Between two neighbours linearly, as torch.quantile.</summary>
    static float Quantile(float[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = (int)at;
        float next = sorted[Math.Min(below + 1, sorted.Length - 1)];
        return (float)(sorted[below] + (at - below) * (next - sorted[below]));
    }
}

sealed class AsymmetricMseWeights(string name, bool needsInputPower) : WeightQuantizer
{
    public override string Name => name;

    public override bool NeedsInputPower => needsInputPower;

    protected override WeightGrid GridCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower) => LeastErrorAsymmetricGrid(row, bits, inputPower);
}
