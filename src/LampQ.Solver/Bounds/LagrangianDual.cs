namespace LampQ.Solver;

/// <summary>
/// Prices for the budgets that give the best Lagrangian bound: maximize L(λ) = Σᵢ min_c (damage(i, c) + λ·size(i, c)) − λ·limit over λ ≥ 0.
/// For every λ ≥ 0, L(λ) is a lower bound on the damage of every allocation within the budgets.
/// </summary>
/// <remarks>
/// L is concave and piecewise linear; Σᵢ size(i, argmin) − limit is a supergradient. One budget: bisection on its sign, exact to
/// neighbouring doubles. Several: the ellipsoid method with central cuts, whose error shrinks by a constant factor per step
/// whatever the shape of L, where subgradient steps would need tuning. Here prices only have to be good:
/// solvers turn them into bounds with exact arithmetic (<see cref="FixedPoint"/>).
/// </remarks>
sealed class LagrangianDual
{
    /// <summary>Prices that bound nearly as well as the best are kept too: each one prunes states that the others do not.</summary>
    const int Alternatives = 6;

    readonly ReducedProblem problem;
    readonly double[] gradient;
    readonly List<(double Value, double[] Prices)> best = [];

    LagrangianDual(ReducedProblem problem)
    {
        this.problem = problem;
        gradient = new double[problem.Budgets];
    }

    /// <summary>Finds good prices.</summary>
    public static Result Maximize(ReducedProblem problem, CancellationToken cancel)
    {
        var dual = new LagrangianDual(problem);
        var none = new double[problem.Budgets];
        dual.Evaluate(none);
        // With free budgets every item takes its least damaging choice. If that fits, it is optimal and nothing has a price.
        if (dual.gradient.All(g => g <= 0))
            return new(dual.InBudgetUnits(none), [none]);

        if (problem.Budgets == 1)
            dual.Bisect();
        else
            dual.ShrinkEllipsoid(cancel);
        var vectors = dual.best.Select(b => b.Prices).ToArray();
        return new(dual.InBudgetUnits(vectors[0]), vectors);
    }

    /// <param name="Prices">The best prices, damage per unit of each budget (in the problem's own units).</param>
    /// <param name="Vectors">The best prices first, then good alternatives; damage per reduced unit.</param>
    public sealed record Result(double[] Prices, double[][] Vectors);

    double[] InBudgetUnits(double[] prices) => [.. prices.Select((price, b) => price / problem.Units[b])];

    /// <summary>L(λ), with the supergradient left in <see cref="gradient"/>.</summary>
    double Evaluate(double[] prices)
    {
        int m = problem.Budgets;
        double value = 0;
        for (int b = 0; b < m; b++)
        {
            gradient[b] = -problem.Limits[b];
            value -= prices[b] * problem.Limits[b];
        }
        foreach (var menu in problem.Menus)
        {
            double least = double.PositiveInfinity;
            int chosen = 0;
            for (int c = 0; c < menu.Count; c++)
            {
                double cost = menu.Damage[c];
                for (int b = 0; b < m; b++)
                    cost += prices[b] * menu.Size[c * m + b];
                if (cost < least)
                    (least, chosen) = (cost, c);
            }
            value += least;
            for (int b = 0; b < m; b++)
                gradient[b] += menu.Size[chosen * m + b];
        }
        return value;
    }

    /// <summary>One budget: the price at which the relaxed allocation changes from too large to small enough.</summary>
    void Bisect()
    {
        double low = 0, high = LargestSlope(0);
        while (true)
        {
            double middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
                break;
            Evaluate([middle]);
            if (gradient[0] > 0)
                low = middle;
            else
                high = middle;
        }
        best.Add((Evaluate([high]), [high]));
    }

    /// <summary>Several budgets: an ellipsoid that contains the best prices, cut in half through its centre at each step.</summary>
    void ShrinkEllipsoid(CancellationToken cancel)
    {
        int m = problem.Budgets;
        var scale = new double[m];
        for (int b = 0; b < m; b++)
            scale[b] = Math.Max(LargestSlope(b), double.Epsilon);

        // In units of the scale the best prices lie in the unit cube; the first ellipsoid is the ball around it.
        var centre = Enumerable.Repeat(0.5, m).ToArray();
        var shape = new double[m, m];
        for (int b = 0; b < m; b++)
            shape[b, b] = m / 4.0;

        var prices = new double[m];
        var cut = new double[m];
        var step = new double[m];
        for (int iteration = 0; iteration < 400 * m * m; iteration++)
        {
            if (iteration % 64 == 0)
                cancel.ThrowIfCancellationRequested();
            int negative = Array.FindIndex(centre, y => y < 0);
            double value = double.NegativeInfinity;
            for (int b = 0; b < m; b++)
                prices[b] = centre[b] * scale[b];
            if (negative < 0)
            {
                value = Evaluate(prices);
                Remember(value, prices);
            }
            for (int b = 0; b < m; b++)
                cut[b] = negative < 0 ? gradient[b] * scale[b] : b == negative ? 1 : 0;

            double width = 0;
            for (int b = 0; b < m; b++)
            {
                step[b] = 0;
                for (int a = 0; a < m; a++)
                    step[b] += shape[b, a] * cut[a];
                width += step[b] * cut[b];
            }
            width = Math.Sqrt(width);
            // Concavity: L(best) − L(centre) ≤ width. NaN and 0 mean that the ellipsoid is flat to double precision.
            if (!(width > 0) || (negative < 0 && width <= 1e-14 * Math.Abs(value)))
                break;
            for (int b = 0; b < m; b++)
            {
                step[b] /= width;
                centre[b] += step[b] / (m + 1);
            }
            double grow = (double)m * m / (m * m - 1.0);
            for (int a = 0; a < m; a++)
                for (int b = 0; b < m; b++)
                    shape[a, b] = grow * (shape[a, b] - 2.0 / (m + 1) * step[a] * step[b]);
        }

        if (best.Count == 0)
            Remember(Evaluate(new double[m]), new double[m]);
    }

    /// <summary>Keeps the best prices, and alternatives that differ from each other by more than a hair.</summary>
    void Remember(double value, double[] prices)
    {
        int place = best.FindIndex(b => value > b.Value);
        if (place < 0)
            place = best.Count;
        if (place >= Alternatives)
            return;
        best.Insert(place, (value, [.. prices]));
        int close = best.FindIndex(place + 1, b => b.Prices.Zip(prices).All(p => Math.Abs(p.First - p.Second) <= 0.02 * Math.Max(p.First, p.Second)));
        if (close >= 0)
            best.RemoveAt(close);
        else if (best.Count > Alternatives)
            best.RemoveAt(Alternatives);
    }

    /// <summary>The steepest damage per unit of a budget in any menu: from this price on nobody buys a unit of it.</summary>
    double LargestSlope(int budget)
    {
        int m = problem.Budgets;
        double largest = 0;
        foreach (var menu in problem.Menus)
            for (int a = 0; a < menu.Count; a++)
                for (int c = 0; c < menu.Count; c++)
                {
                    long units = menu.Size[c * m + budget] - menu.Size[a * m + budget];
                    if (units > 0)
                        largest = Math.Max(largest, (menu.Damage[a] - menu.Damage[c]) / units);
                }
        return largest;
    }
}
