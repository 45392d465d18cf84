namespace LampQ.Solver;

/// <summary>
/// Prices for the budgets that give the best Lagrangian bound: maximize L(λ) = Σᵢ min_c (damage(i, c) + λ·size(i, c)) − λ·limit over λ ≥ 0.
/// For every λ ≥ 0, L(λ) is a lower bound on the damage of every allocation within the budgets.
/// </summary>
/// <remarks>
/// L is concave and piecewise linear; Σᵢ size(i, argmin) − limit is a supergradient. One budget: bisection on its sign, exact to
/// neighbouring doubles. Several: the simplex method on the dual linear program, exact to rounding in a few dozen steps. (The ellipsoid method was tried
/// and loses its shape in rounding errors when two budgets are nearly parallel, as bytes and bit operations are.) Prices only have to be good:
/// solvers turn them into bounds with exact arithmetic (<see cref="FixedPoint"/>).
/// </remarks>
sealed class LagrangianDual
{
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
            dual.GenerateColumns(cancel);
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

    /// <summary>
    /// Several budgets: the linear program that is dual to L, min Σ w·damage over mixtures w of allocations whose mean sizes keep the
    /// limits, by the simplex method. It has one row for each budget and one for Σ w = 1; an entering column is found by <see cref="Evaluate"/>.
    /// </summary>
    void GenerateColumns(CancellationToken cancel)
    {
        int m = problem.Budgets, rows = m + 1;
        // Rows are scaled to limits of about 1. The first basis is a made-up allocation of size 0 and prohibitive damage, and the slacks.
        var scale = problem.Limits.Select(limit => 1.0 / Math.Max(1, limit)).ToArray();
        double worst = problem.Menus.Sum(menu => menu.Damage.Max()), spread = worst - problem.Menus.Sum(menu => menu.Damage.Min());
        var cost = new double[rows];
        var basis = new double[rows, rows];
        for (int b = 0; b < m; b++)
        {
            basis[b, b] = 1;
            basis[b, m] = -problem.Limits[b] * scale[b];
        }
        (cost[m], basis[m, m]) = (worst + 1e4 * spread, 1);

        var prices = new double[m];
        for (int iteration = 0; iteration < 200; iteration++)
        {
            cancel.ThrowIfCancellationRequested();
            // Dual values y solve yᵀ·basis = cost; a budget's price is −y.
            if (SolveLinear(basis, cost, transposed: true) is not { } y)
                break;
            int cheapest = 0;
            for (int b = 0; b < m; b++)
            {
                prices[b] = Math.Max(0, -y[b]) * scale[b];
                if (y[b] > y[cheapest])
                    cheapest = b;
            }
            // Σ w·damage of the basis is y[m]; no mixture can be better than L(prices). Prices below zero were only cut off:
            // then the slack of that budget enters, otherwise the allocation that Evaluate found.
            double value = Evaluate(prices);
            Remember(value, prices);
            var entering = new double[rows];
            double enteringCost = 0;
            if (y[cheapest] > 1e-12 * spread)
            {
                entering[cheapest] = 1;
            }
            else
            {
                if (y[m] - value <= 1e-13 * Math.Max(Math.Abs(value), spread * 1e-3))
                    break;
                enteringCost = value;
                for (int b = 0; b < m; b++)
                {
                    entering[b] = gradient[b] * scale[b];
                    // Evaluate returned damage + prices·(size − limit).
                    enteringCost -= prices[b] * gradient[b];
                }
                entering[m] = 1;
            }

            var unit = new double[rows];
            unit[m] = 1;
            var weights = SolveLinear(basis, unit, transposed: false);
            var direction = SolveLinear(basis, entering, transposed: false);
            if (weights is null || direction is null)
                break;
            int leaving = -1;
            for (int r = 0; r < rows; r++)
                if (direction[r] > 1e-11 && (leaving < 0 || weights[r] * direction[leaving] < weights[leaving] * direction[r]))
                    leaving = r;
            if (leaving < 0)
                break;
            for (int r = 0; r < rows; r++)
                basis[r, leaving] = entering[r];
            cost[leaving] = enteringCost;
        }
        AddNeighbours();
    }

    /// <summary>
    /// Beside the best prices, ones that weigh a single budget much more or less: they bound partial allocations that have used more or less
    /// of it than the optimum would. (Menus of a Swin, three budgets: 0.25 to 4 needs under 60,000 nodes where 0.9 to 1.1 needs up to 5 million.)
    /// </summary>
    void AddNeighbours()
    {
        var optimum = best[0].Prices;
        // A price without effect on the bound is rounding noise, and would make a budget look as if it bound.
        for (int b = 0; b < optimum.Length; b++)
        {
            var without = optimum.Select((price, a) => a == b ? 0 : price).ToArray();
            if (optimum[b] > 0 && Evaluate(without) >= best[0].Value - 1e-12 * Math.Abs(best[0].Value))
                optimum = without;
        }
        best.Clear();
        best.Add((Evaluate(optimum), optimum));
        for (int b = 0; b < optimum.Length; b++)
            foreach (double factor in new[] { 0.25, 0.6, 1.6, 4 })
                if (optimum[b] > 0)
                    best.Add((double.NaN, [.. optimum.Select((price, a) => a == b ? factor * price : price)]));
    }

    /// <summary>Solves matrix·x = right (or its transpose) by elimination with row exchange; null when the matrix is singular.</summary>
    static double[]? SolveLinear(double[,] matrix, double[] right, bool transposed)
    {
        int n = right.Length;
        var a = new double[n, n];
        for (int r = 0; r < n; r++)
            for (int c = 0; c < n; c++)
                a[r, c] = transposed ? matrix[c, r] : matrix[r, c];
        var x = (double[])right.Clone();
        for (int k = 0; k < n; k++)
        {
            int pivot = k;
            for (int r = k + 1; r < n; r++)
                if (Math.Abs(a[r, k]) > Math.Abs(a[pivot, k]))
                    pivot = r;
            if (Math.Abs(a[pivot, k]) < 1e-14)
                return null;
            if (pivot != k)
            {
                for (int c = k; c < n; c++)
                    (a[k, c], a[pivot, c]) = (a[pivot, c], a[k, c]);
                (x[k], x[pivot]) = (x[pivot], x[k]);
            }
            for (int r = k + 1; r < n; r++)
            {
                double factor = a[r, k] / a[k, k];
                for (int c = k; c < n; c++)
                    a[r, c] -= factor * a[k, c];
                x[r] -= factor * x[k];
            }
        }
        for (int k = n - 1; k >= 0; k--)
        {
            for (int c = k + 1; c < n; c++)
                x[k] -= a[k, c] * x[c];
            x[k] /= a[k, k];
        }
        return x;
    }

    /// <summary>Keeps the prices if they are the best so far.</summary>
    void Remember(double value, double[] prices)
    {
        if (best.Count > 0 && value <= best[0].Value)
            return;
        best.Clear();
        best.Add((value, [.. prices]));
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
