namespace LampQ.Solver;

/// <summary>
/// Damages as 128-bit integers in units of 2^−shift. Sums and comparisons of integers are exact in any order, so ties
/// are ties, bounds are bounds, and all exact solvers agree, even when damages range from 1e-9 to 1e6.
/// </summary>
readonly struct FixedPoint
{
    readonly int shift;

    /// <param name="largest">No sum that will be formed exceeds this in magnitude.</param>
    public FixedPoint(double largest) =>
        // 2^125 leaves a factor 4 below the largest Int128 for the caller's rounding of `largest`.
        shift = largest > 0 ? 124 - Math.ILogB(largest) : 0;

    /// <summary>One unit, in units of damage.</summary>
    public double Unit => Math.ScaleB(1, -shift);

    /// <summary>The nearest integer number of units. Exact unless the damage has bits below one unit.</summary>
    public Int128 From(double value) => (Int128)Math.Round(Math.ScaleB(value, shift));

    /// <summary>Whether <see cref="From"/> lost nothing.</summary>
    public bool IsExact(double value) => ToDouble(From(value)) == value;

    /// <summary>The nearest double.</summary>
    public double ToDouble(Int128 value) => Math.ScaleB((double)value, -shift);
}
