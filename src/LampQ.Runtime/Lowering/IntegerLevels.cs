using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>
/// A <see cref="CodeTable"/> in integers, x̂ = step·(level − zero point), so that integer kernels multiply it a byte at a time: the fewest bytes, up to three, that hold its values well enough.
/// </summary>
/// <param name="Thresholds">Those of the table.</param>
/// <param name="Levels">One a value, 0 to 2^(8·planes) − 1, none below the one before it.</param>
/// <param name="ZeroPoint">The level of 0; 0 where no value is below 0.</param>
/// <param name="Step">What a level counts.</param>
/// <param name="Planes">Bytes of a level.</param>
/// <remarks>
/// Multiples of the smallest value (two regions whose steps differ by a power of two, log2) are held as they are in as few bytes as they fit. Others lie on a grid of 2²⁴ points over their range,
/// which moves them by 2⁻²⁵ of it: half of the last bit of a float at its end.
/// </remarks>
sealed record IntegerLevels(float[] Thresholds, long[] Levels, int ZeroPoint, double Step, int Planes)
{
    // Rounding of the values themselves.
    const double Exact = 1.0 / (1 << 24);

    /// <summary>The levels of a table; null for no table.</summary>
    public static IntegerLevels? Of(CodeTable? table)
    {
        if (table is null)
            return null;
        double least = Math.Min(0, table.Values[0]), range = Math.Max(0, table.Values[^1]) - least, smallest = table.Values.Select(Math.Abs).Where(v => v > 0).DefaultIfEmpty(1).Min();
        for (int planes = 1; planes <= LevelTable.MostPlanes; planes++)
        {
            // Two roundings, of the zero point and of the largest value, may add a level.
            double most = Math.Pow(2, 8 * planes) - 1, grid = Math.Max(range, smallest) / (most - 1);
            foreach (double step in (double[])[smallest, grid])
                if (With(table, step, least, planes) is var levels && levels.Levels[^1] <= most && levels.ZeroPoint <= most && (levels.LargestError(table) <= range * Exact || planes == LevelTable.MostPlanes && step == grid))
                    return levels;
        }
        throw new InvalidOperationException("Three bytes hold any table.");
    }

    static IntegerLevels With(CodeTable table, double step, double least, int planes)
    {
        double zero = Math.Round(-least / step);
        return new(table.Thresholds, [.. table.Values.Select(v => (long)Math.Min(Math.Round(v / step) + zero, long.MaxValue / 2))], (int)Math.Min(zero, int.MaxValue), step, planes);
    }

    double LargestError(CodeTable table) => table.Values.Zip(Levels, (value, level) => Math.Abs(value - Step * (level - ZeroPoint))).Max();
}
