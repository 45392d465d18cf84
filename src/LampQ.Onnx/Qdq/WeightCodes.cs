using System.Numerics.Tensors;

namespace LampQ.Onnx;

/// <summary>
/// Integer weights as kernels take them: w = scale·(code − zero point), a row an output channel. Zero points are 0 wherever code − zero point of the
/// whole row fits the bits of the matrix, so that uint8 with zero point 128 becomes plain int8.
/// </summary>
/// <param name="Rows">N, output channels.</param>
/// <param name="Columns">K, input channels.</param>
/// <param name="Codes">[N, K] row-major.</param>
/// <param name="Scales">[N].</param>
/// <param name="ZeroPoints">[N].</param>
public sealed record WeightCodes(int Rows, int Columns, sbyte[] Codes, float[] Scales, int[] ZeroPoints)
{
    /// <summary>Fewest bits, 2 to 8, that hold every code: −2^(bits−1) ≤ code &lt; 2^(bits−1).</summary>
    public int Bits
    {
        get
        {
            int low = 0, high = 0;
            foreach (sbyte code in Codes)
                (low, high) = (Math.Min(low, code), Math.Max(high, (int)code));
            return BitsFor(low, high);
        }
    }

    /// <summary>The matrix of the given rows in the given order; a row may be taken more than once.</summary>
    public WeightCodes TakeRows(ReadOnlySpan<int> rows)
    {
        var codes = new sbyte[rows.Length * Columns];
        var scales = new float[rows.Length];
        var zeroPoints = new int[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            Codes.AsSpan(rows[i] * Columns, Columns).CopyTo(codes.AsSpan(i * Columns));
            (scales[i], zeroPoints[i]) = (Scales[rows[i]], ZeroPoints[rows[i]]);
        }
        return new WeightCodes(rows.Length, Columns, codes, scales, zeroPoints);
    }

    /// <summary>The matrix whose column c is column <paramref name="columns"/>[c] of this one.</summary>
    public WeightCodes TakeColumns(ReadOnlySpan<int> columns)
    {
        var codes = new sbyte[Rows * columns.Length];
        for (int n = 0; n < Rows; n++)
            for (int c = 0; c < columns.Length; c++)
                codes[n * columns.Length + c] = Codes[n * Columns + columns[c]];
        return this with { Columns = columns.Length, Codes = codes };
    }

    /// <summary>The rows of several matrices with the same K, one after the other.</summary>
    public static WeightCodes Join(IReadOnlyList<WeightCodes> parts) => new(parts.Sum(p => p.Rows), parts[0].Columns,
        [.. parts.SelectMany(p => p.Codes)], [.. parts.SelectMany(p => p.Scales)], [.. parts.SelectMany(p => p.ZeroPoints)]);

    /// <summary>Integers of any container as signed codes with zero points.</summary>
    /// <param name="type">The container; unsigned ones are moved to the middle of their range.</param>
    /// <param name="stored">[N, K] integers of that type.</param>
    /// <param name="rows">N.</param>
    /// <param name="columns">K.</param>
    /// <param name="scales">[N].</param>
    /// <param name="zeroPoints">[N], in the same container.</param>
    internal static WeightCodes Of(ElementType type, long[] stored, int rows, int columns, float[] scales, long[] zeroPoints)
    {
        int middle = type switch { ElementType.UInt8 => 128, ElementType.UInt4 => 8, ElementType.UInt2 => 2, _ => 0 };
        // Rows without a zero point save a correction, but must not cost the matrix a bit.
        var moved = new int[rows];
        int all = 2, stays = 2;
        for (int n = 0; n < rows; n++)
        {
            var row = stored.AsSpan(n * columns, columns);
            long low = TensorPrimitives.Min<long>(row), high = TensorPrimitives.Max<long>(row);
            moved[n] = BitsFor(low - zeroPoints[n], high - zeroPoints[n]);
            (all, stays) = (Math.Max(all, moved[n]), Math.Max(stays, BitsFor(low - middle, high - middle)));
        }
        var codes = new sbyte[stored.Length];
        var remaining = new int[rows];
        for (int n = 0; n < rows; n++)
        {
            long shift = moved[n] <= Math.Min(all, stays) ? zeroPoints[n] : middle;
            for (int i = n * columns; i < (n + 1) * columns; i++)
                codes[i] = (sbyte)(stored[i] - shift);
            remaining[n] = (int)(zeroPoints[n] - shift);
        }
        return new WeightCodes(rows, columns, codes, scales, remaining);
    }

    /// <summary>Fewest bits, 2 or more, that hold every integer from low to high: −2^(bits−1) ≤ integer &lt; 2^(bits−1).</summary>
    static int BitsFor(long low, long high)
    {
        int bits = 2;
        while (low < -(1 << (bits - 1)) || high >= 1 << (bits - 1))
            bits++;
        return bits;
    }
}
