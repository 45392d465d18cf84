using System.Globalization;
using Google.OrTools.Sat;

namespace LampQ.Solver;

/// <summary>The bit allocation solved by Google OR-Tools CP-SAT.</summary>
/// <remarks>
/// <para>CP-SAT minimizes integers. Damages, counted from each item's least, are scaled so that the largest sum is below 2⁵² and rounded to the nearest integer;
/// each item is off by half a unit at most. So with n items the optimum found and the bound are each true to
/// within n/2 units: <see cref="AllocationProof.Tolerance"/> of an optimal answer is n units, and the lower bound of any other answer is moved down by n/2.
/// The damage reported is summed anew from the problem's own numbers.</para>
/// <para>Ties, and differences below the tolerance, are resolved the same way each time (one worker, fixed seed), but not by LampQ's order of preference.</para>
/// </remarks>
public sealed class OrToolsSolver : AllocationSolver
{
    /// <summary>Below 2⁵³, because the solver reports objective and bound as doubles.</summary>
    const double LargestObjective = 1L << 52;

    readonly TimeSpan? timeLimit;

    OrToolsSolver(TimeSpan? timeLimit) => this.timeLimit = timeLimit;

    /// <summary>CP-SAT without a time limit. The adapter is not part of <see cref="AllocationSolver.All"/>, which lists the solvers that always exist.</summary>
    public static AllocationSolver CpSat { get; } = new OrToolsSolver(timeLimit: null);

    /// <summary>CP-SAT that stops after a time and then answers with a gap.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeLimit"/> is not above zero.</exception>
    public static AllocationSolver CpSatWithin(TimeSpan timeLimit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeLimit, TimeSpan.Zero);
        return new OrToolsSolver(timeLimit);
    }

    /// <inheritdoc/>
    public override string Name => "cp-sat";

    /// <inheritdoc/>
    public override bool ResolvesTies => false;

    /// <inheritdoc/>
    protected override SearchOutcome SolveCore(AllocationProblem problem, CancellationToken cancel)
    {
        var model = new CpModel();
        var takes = problem.Items
            .Select((item, i) => item.Choices.Select((choice, c) => model.NewBoolVar($"item {i} takes choice {c}")).ToArray())
            .ToArray();
        foreach (var item in takes)
            model.AddExactlyOne(item);

        var variables = takes.SelectMany(item => item).ToArray();
        var choices = problem.Items.SelectMany(item => item.Choices).ToArray();
        for (int b = 0; b < problem.Budgets.Count; b++)
        {
            int budget = b;
            var sizes = choices.Select(c => c.Sizes[budget]).ToArray();
            model.AddLinearConstraint(LinearExpr.WeightedSum(variables, sizes), 0, problem.Budgets[b].Limit);
        }

        // least[i] and the scale make every coefficient a non-negative integer and every sum smaller than LargestObjective.
        var least = problem.Items.Select(item => item.Choices.Min(c => c.Damage)).ToArray();
        double spread = problem.Items.Select((item, i) => item.Choices.Max(c => c.Damage) - least[i]).Sum();
        double scale = spread > 0 ? LargestObjective / spread / 2 : 1;
        if (!double.IsFinite(scale))
            scale = 1;
        double unit = 1 / scale;
        var damages = problem.Items
            .SelectMany((item, i) => item.Choices.Select(c => (long)Math.Round((c.Damage - least[i]) * scale)))
            .ToArray();
        model.Minimize(LinearExpr.WeightedSum(variables, damages));

        var solver = new CpSolver { StringParameters = Parameters() };
        using var registration = cancel.Register(solver.StopSearch);
        var status = solver.Solve(model);
        cancel.ThrowIfCancellationRequested();

        // Half a unit for each rounded coefficient, and what double arithmetic loses in (damage − least)·scale and in adding up.
        double largest = problem.Items.Sum(item => item.Choices.Max(c => Math.Abs(c.Damage)));
        double rounding = problem.Items.Count * unit / 2 + 8 * problem.Items.Count * 2.3e-16 * largest;
        return status switch
        {
            CpSolverStatus.Optimal or CpSolverStatus.Feasible => new()
            {
                Choices = [.. takes.Select(item => Array.FindIndex(item, variable => solver.BooleanValue(variable)))],
                Proven = status == CpSolverStatus.Optimal,
                LowerBound = Bound(),
                // The optimum in integers is off by `rounding` once for the allocation found and once for the one it may hide.
                Tolerance = 2 * rounding,
                Nodes = solver.NumBranches(),
            },
            CpSolverStatus.Infeasible => new() { Proven = true, Nodes = solver.NumBranches() },
            CpSolverStatus.Unknown => new() { Proven = false, LowerBound = Bound(), Nodes = solver.NumBranches() },
            _ => throw new InvalidOperationException($"CP-SAT answered {status}: {model.Validate()} This is a defect in LampQ; please report it with the problem."),
        };

        double Bound() => least.Sum() + solver.BestObjectiveBound * unit - rounding;
    }

    string Parameters()
    {
        // One worker and a fixed seed: the same problem gets the same answer. No relative gap: optimal means optimal.
        // No presolve: that of 9.15.6755 loses the optimum of a contract test's problem (three budgets, sizes near 1e10), and the answer, 10 % worse, is then called optimal;
        // other seeds, coefficients a thousandth as large, no probing and no linear relaxation do not change that (docs/decisions/0004-solver.md).
        string parameters = "num_search_workers:1 random_seed:0 relative_gap_limit:0 absolute_gap_limit:0 cp_model_presolve:false";
        return timeLimit is { } limit
            ? string.Create(CultureInfo.InvariantCulture, $"{parameters} max_time_in_seconds:{limit.TotalSeconds}")
            : parameters;
    }
}
