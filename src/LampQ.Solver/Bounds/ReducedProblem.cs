namespace LampQ.Solver;

/// <summary>
/// An allocation problem without what cannot matter: sizes count from each item's smallest and in units of their greatest
/// common divisor, and choices that cannot be in the preferred optimum are gone.
/// </summary>
/// <remarks>
/// Dropped are choices for which another one of the same item does no more damage, is no larger in any budget, and is better in
/// one of these or has more bits (exchanging them would improve any allocation, ties included). Choices too large for the budget stay:
/// without them a budget that keeps everybody from a better choice would seem free. Menus are sorted by bits, most first, which is the order of preference.
/// </remarks>
sealed class ReducedProblem
{
    ReducedProblem(Menu[] menus, long[] limits, long[] units)
    {
        Menus = menus;
        Limits = limits;
        Units = units;
    }

    /// <summary>One menu for every item, in the problem's order.</summary>
    public Menu[] Menus { get; }

    /// <summary>For every budget what is left after all smallest choices, in <see cref="Units"/>; never negative.</summary>
    public long[] Limits { get; }

    /// <summary>For every budget the greatest common divisor of its size differences, in the budget's unit; at least 1.</summary>
    public long[] Units { get; }

    public int Budgets => Limits.Length;

    /// <summary>What remains of an item's menu.</summary>
    /// <param name="Original">For every remaining choice its index in <see cref="AllocationItem.Choices"/>.</param>
    /// <param name="Damage">For every remaining choice its damage.</param>
    /// <param name="Size">Row-major [choices, budgets]: size above the item's smallest, in <see cref="ReducedProblem.Units"/>.</param>
    public sealed record Menu(int[] Original, double[] Damage, long[] Size)
    {
        public int Count => Original.Length;
    }

    /// <param name="problem">Every budget alone must be reachable.</param>
    public static ReducedProblem Of(AllocationProblem problem)
    {
        int m = problem.Budgets.Count;
        var limits = new long[m];
        var units = new long[m];
        for (int b = 0; b < m; b++)
        {
            foreach (var item in problem.Items)
            {
                long smallest = item.Choices.Min(c => c.Sizes[b]);
                foreach (var choice in item.Choices)
                    units[b] = GreatestCommonDivisor(units[b], choice.Sizes[b] - smallest);
            }
            units[b] = Math.Max(1, units[b]);
            limits[b] = (problem.Budgets[b].Limit - problem.SmallestTotal(b)) / units[b];
        }
        return new([.. problem.Items.Select(item => Reduce(item, units))], limits, units);
    }

    /// <summary>Turns one index for every reduced menu into one for every original menu.</summary>
    public int[] Original(int[] choices)
    {
        var original = new int[choices.Length];
        for (int i = 0; i < choices.Length; i++)
            original[i] = Menus[i].Original[choices[i]];
        return original;
    }

    static Menu Reduce(AllocationItem item, long[] units)
    {
        int m = units.Length;
        var smallest = new long[m];
        for (int b = 0; b < m; b++)
            smallest[b] = item.Choices.Min(c => c.Sizes[b]);

        var byPreference = Enumerable.Range(0, item.Choices.Count).OrderByDescending(c => item.Choices[c].Bits).ToArray();
        var kept = byPreference.Where(c => !byPreference.Any(other => Replaces(other, c))).ToArray();
        var size = new long[kept.Length * m];
        for (int c = 0; c < kept.Length; c++)
            for (int b = 0; b < m; b++)
                size[c * m + b] = (item.Choices[kept[c]].Sizes[b] - smallest[b]) / units[b];
        return new(kept, [.. kept.Select(c => item.Choices[c].Damage)], size);

        bool Replaces(int other, int c)
        {
            var (x, y) = (item.Choices[other], item.Choices[c]);
            bool better = x.Damage < y.Damage || x.Bits > y.Bits;
            if (x.Damage > y.Damage)
                return false;
            for (int b = 0; b < m; b++)
            {
                if (x.Sizes[b] > y.Sizes[b])
                    return false;
                better |= x.Sizes[b] < y.Sizes[b];
            }
            return better;
        }
    }

    static long GreatestCommonDivisor(long a, long b)
    {
        while (b != 0)
            (a, b) = (b, a % b);
        return a;
    }
}
