using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>How float weights become integers; known ones are listed by <see cref="All"/>.</summary>
public abstract partial class WeightQuantizer
{
    /// <summary>Every known quantizer.</summary>
    public static IReadOnlyList<WeightQuantizer> All => [MinMax, Mse, OutputMse, AsymmetricPercentile, AsymmetricMse, AsymmetricOutputMse];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>True when the power of input channels is worth collecting for it.</summary>
    public virtual bool NeedsInputPower => false;

    /// <summary>Rounds weights: q = clamp(round(w / scale) + z, −2^(bits−1), 2^(bits−1) − 1), one scale and zero point z a row (z = 0 for the symmetric ones), rounding half to even.</summary>
    /// <param name="weights">Row-major [N, K]: one row an output channel.</param>
    /// <param name="rows">N.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="inputPower">Optional [K]: mean square of each input channel, by which errors are weighted; null weighs all alike.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bits"/> is outside 2 to 8.</exception>
    /// <exception cref="ArgumentException">The weights do not form rows, or one is NaN or infinite.</exception>
    /// <remarks>A row of zeros gets scale 1.</remarks>
    public QuantizedWeights Quantize(ReadOnlySpan<float> weights, int rows, int bits, ReadOnlySpan<float> inputPower = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        if (rows <= 0 || weights.Length % rows != 0)
            throw new ArgumentException($"{weights.Length} weights do not form {rows} rows.", nameof(weights));
        int columns = weights.Length / rows;
        if (!inputPower.IsEmpty && inputPower.Length != columns)
            throw new ArgumentException($"{inputPower.Length} input channels were weighed, but a row has {columns}.", nameof(inputPower));
        var codes = new sbyte[weights.Length];
        var grids = new WeightGrid[rows];
        for (int row = 0; row < rows; row++)
        {
            var line = weights.Slice(row * columns, columns);
            var grid = grids[row] = GridOf(line, row, bits, inputPower);
            for (int i = 0; i < columns; i++)
                codes[row * columns + i] = grid.CodeOf(Math.Clamp(MathF.Round(line[i] / grid.Scale, MidpointRounding.ToEven), grid.Low, grid.High));
        }
        return WeightGrid.Weights(grids, columns, codes);
    }

    /// <summary>The grid of one row; other parameters as in <see cref="Quantize"/>.</summary>
    /// <param name="row">The weights.</param>
    /// <param name="index">Which row it is, for the message.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="inputPower">[K] or empty.</param>
    /// <exception cref="ArgumentException">A weight is NaN or infinite.</exception>
    public WeightGrid GridOf(ReadOnlySpan<float> row, int index, int bits, ReadOnlySpan<float> inputPower)
    {
        foreach (float w in row)
            if (!float.IsFinite(w))
                throw new ArgumentException($"Row {index} has the weight {w}; weights must be finite.", nameof(row));
        return GridCore(row, bits, inputPower);
    }

    /// <summary>The grid of one row of finite weights.</summary>
    protected abstract WeightGrid GridCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower);

    /// <summary>The smallest scale under which no weight of the row is clipped; 1 for a row of zeros.</summary>
    protected static float ScaleWithoutClipping(ReadOnlySpan<float> row, int bits)
    {
        float high = 0, low = 0;
        foreach (float w in row)
            (low, high) = (Math.Min(low, w), Math.Max(high, w));
        int half = 1 << (bits - 1);
        float scale = Math.Max(high / (half - 1), -low / half);
        return scale > 1e-30f ? scale : 1f;
    }
}
