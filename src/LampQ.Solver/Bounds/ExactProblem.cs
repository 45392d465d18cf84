namespace LampQ.Solver;

/// <summary>A reduced problem with exact damages and, for several price vectors λ, exact bounds.</summary>
/// <remarks>
/// For a set of items with total damage D and total sizes S, and any prices λ ≥ 0: every way to complete it
/// within the limits does at least D + λ·S + Σ_{other i} min_c (d + λ·s) − λ·limits damage. All of it is integer arithmetic, so a state is never
/// pruned by a rounding error.
/// </remarks>
sealed class ExactProblem
{
    readonly FixedPoint fixedPoint;
    readonly Int128[][] least;

    public ExactProblem(ReducedProblem reduced, double[][] priceVectors)
    {
        Reduced = reduced;
        fixedPoint = new(LargestSum(reduced, priceVectors));
        Damage = [.. reduced.Menus.Select(menu => menu.Damage.Select(fixedPoint.From).ToArray())];
        Prices = [.. priceVectors.Select(vector => vector.Select(fixedPoint.From).ToArray())];
        least = [.. Prices.Select(LeastCosts)];
        bool exact = reduced.Menus.All(menu => menu.Damage.All(fixedPoint.IsExact));
        // Each damage is off by half a unit at most, in the allocation found and in the better one it may hide.
        Tolerance = exact ? 0 : reduced.Menus.Length * fixedPoint.Unit;
    }

    public ReducedProblem Reduced { get; }

    /// <summary>[item][choice]: damage in fixed-point units.</summary>
    public Int128[][] Damage { get; }

    /// <summary>[vector][budget]: price of one reduced unit, in fixed-point units of damage; never negative.</summary>
    public Int128[][] Prices { get; }

    /// <summary>See <see cref="AllocationProof.Tolerance"/>.</summary>
    public double Tolerance { get; }

    /// <summary>min_c (damage + λ·size) of an item under price vector <paramref name="vector"/>.</summary>
    public Int128 Least(int vector, int item) => least[vector][item];

    /// <summary>λ·limits under price vector <paramref name="vector"/>.</summary>
    public Int128 PriceOfLimits(int vector)
    {
        var sum = Int128.Zero;
        for (int b = 0; b < Reduced.Budgets; b++)
            sum += Prices[vector][b] * Reduced.Limits[b];
        return sum;
    }

    public double ToDouble(Int128 damage) => fixedPoint.ToDouble(damage);

    /// <summary>A bound as a double, moved down by what the conversion and the rounding of damages may have added.</summary>
    public double BoundToDouble(Int128 bound)
    {
        double value = ToDouble(bound);
        return value - Math.Abs(value) * 2.3e-16 - Tolerance;
    }

    Int128[] LeastCosts(Int128[] prices)
    {
        int m = Reduced.Budgets;
        var result = new Int128[Reduced.Menus.Length];
        for (int i = 0; i < result.Length; i++)
        {
            var menu = Reduced.Menus[i];
            result[i] = Int128.MaxValue;
            for (int c = 0; c < menu.Count; c++)
            {
                var cost = Damage[i][c];
                for (int b = 0; b < m; b++)
                    cost += prices[b] * menu.Size[c * m + b];
                result[i] = Int128.Min(result[i], cost);
            }
        }
        return result;
    }

    static double LargestSum(ReducedProblem reduced, double[][] priceVectors)
    {
        int m = reduced.Budgets;
        double damage = reduced.Menus.Sum(menu => menu.Damage.Max(Math.Abs));
        double priced = 0;
        foreach (var vector in priceVectors)
        {
            double sum = 0;
            for (int b = 0; b < m; b++)
            {
                double size = reduced.Limits[b];
                foreach (var menu in reduced.Menus)
                {
                    long largest = 0;
                    for (int c = 0; c < menu.Count; c++)
                        largest = Math.Max(largest, menu.Size[c * m + b]);
                    size += largest;
                }
                sum += vector[b] * size;
            }
            priced = Math.Max(priced, sum);
        }
        // Bounds subtract sums of damages and prices from each other: twice each covers every intermediate result.
        return 2 * (damage + priced);
    }
}
