using System.Reflection;

namespace LampQ.Solver;

/// <summary>Solves the bit allocation. Each known solver is a static property of this class, in a file of its own.</summary>
/// <remarks>Solvers keep no state: one instance may be used from several threads at once, and equal problems get equal answers (unless a time limit strikes).</remarks>
public abstract partial class AllocationSolver
{
    static readonly Lazy<IReadOnlyList<AllocationSolver>> known = new(FindKnown);

    /// <summary>Every known solver, in the order of their names.</summary>
    public static IReadOnlyList<AllocationSolver> All => known.Value;

    /// <summary>The solver that fits a problem: dynamic programming for one budget, branch and bound for several.</summary>
    public static AllocationSolver For(AllocationProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return problem.Budgets.Count == 1 ? DynamicProgramming : BranchAndBound;
    }

    /// <summary>Name on the command line and in reports.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Whether ties go as <see cref="AllocationProblem"/> says (unless the search reached a limit). Otherwise they are only
    /// resolved the same way each time.
    /// </summary>
    public virtual bool ResolvesTies => true;

    /// <summary>Why this solver cannot take a problem, as a sentence; null when it can.</summary>
    public virtual string? WhyNot(AllocationProblem problem) => null;

    /// <summary>Finds the allocation of least damage within the budgets, and says what is proved about it.</summary>
    /// <param name="problem">The menu and the budgets.</param>
    /// <param name="cancel">Stops the search.</param>
    /// <returns>An answer; a budget that cannot be kept is an ordinary answer with a certificate, not an exception.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="problem"/> is null.</exception>
    /// <exception cref="NotSupportedException">This solver cannot take the problem (<see cref="WhyNot"/>).</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancel"/> was set.</exception>
    /// <exception cref="InvalidOperationException">The solver broke its promise: a defect, not a caller's mistake.</exception>
    public AllocationAnswer Solve(AllocationProblem problem, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        if (WhyNot(problem) is { } reason)
            throw new NotSupportedException(reason);
        cancel.ThrowIfCancellationRequested();

        for (int b = 0; b < problem.Budgets.Count; b++)
            if (problem.SmallestTotal(b) > problem.Budgets[b].Limit)
                return Infeasible(new(problem.Budgets[b], problem.SmallestTotal(b), []), nodes: 0);

        var outcome = SolveCore(problem, cancel);
        if (outcome.Choices is not null)
            return Checked(problem, outcome, cancel);
        return outcome.Proven ? JointlyInfeasible(problem, outcome, cancel) : Unknown(outcome);
    }

    /// <summary>Does the work. Every budget alone can be kept; all of them together perhaps not.</summary>
    protected abstract SearchOutcome SolveCore(AllocationProblem problem, CancellationToken cancel);

    AllocationAnswer Checked(AllocationProblem problem, SearchOutcome outcome, CancellationToken cancel)
    {
        var allocation = new BitAllocation(problem, outcome.Choices!);
        Promise(allocation.KeepsBudgets, "an allocation beyond a budget");
        Promise(outcome.Proven || outcome.LowerBound <= allocation.Damage + Rounding(problem), "a lower bound above the damage of its allocation");
        Promise(outcome.Tolerance >= 0, "a negative tolerance");

        var prices = outcome.Prices ?? LagrangianDual.Maximize(ReducedProblem.Of(problem), cancel).Prices;
        Promise(prices.Count == problem.Budgets.Count && prices.All(p => p >= 0 && double.IsFinite(p)), "prices that are not one non-negative number for each budget");

        return new(allocation, new()
        {
            Status = outcome.Proven ? AllocationStatus.Optimal : AllocationStatus.Feasible,
            Solver = Name,
            Damage = allocation.Damage,
            LowerBound = outcome.Proven ? allocation.Damage - outcome.Tolerance : Math.Min(outcome.LowerBound, allocation.Damage),
            Tolerance = outcome.Tolerance,
            Budgets = [.. problem.Budgets.Select((budget, b) => new BudgetUse(budget, allocation.Totals[b], prices[b]))],
            Nodes = outcome.Nodes,
        });
    }

    /// <summary>Finds the first budget that cannot be kept together with those before it, by minimizing its total.</summary>
    AllocationAnswer JointlyInfeasible(AllocationProblem problem, SearchOutcome outcome, CancellationToken cancel)
    {
        // The first budget alone can be kept. As long as budgets 0..b-1 can be kept together, minimizing the total of
        // budget b under them is a feasible problem, so each step has an answer, and one of them exceeds its limit.
        for (int b = 1; b < problem.Budgets.Count; b++)
        {
            var smallest = SolveCore(problem.MinimizingSizeOf(b), cancel);
            if (!smallest.Proven)
                return Unknown(outcome with { LowerBound = double.NegativeInfinity });
            Promise(smallest.Choices is not null, "no allocation for budgets that it had just kept");
            long total = problem.TotalsOf(smallest.Choices!)[b];
            if (total > problem.Budgets[b].Limit)
                return Infeasible(new(problem.Budgets[b], total, [.. problem.Budgets.Take(b)]), outcome.Nodes);
        }
        throw Broken("'infeasible' for budgets that can be kept together");
    }

    AllocationAnswer Infeasible(InfeasibilityCertificate certificate, long nodes) => new(null, new()
    {
        Status = AllocationStatus.Infeasible,
        Solver = Name,
        LowerBound = double.PositiveInfinity,
        Certificate = certificate,
        Nodes = nodes,
    });

    AllocationAnswer Unknown(SearchOutcome outcome) => new(null, new()
    {
        Status = AllocationStatus.Unknown,
        Solver = Name,
        LowerBound = outcome.LowerBound,
        Nodes = outcome.Nodes,
    });

    /// <summary>More than a lower bound may lose on its way to a double: two units in the last place of Σ max|damage|.</summary>
    static double Rounding(AllocationProblem problem) =>
        problem.Items.Sum(item => item.Choices.Max(c => Math.Abs(c.Damage))) * 4.5e-16;

    void Promise(bool kept, string broken)
    {
        if (!kept)
            throw Broken(broken);
    }

    InvalidOperationException Broken(string what) =>
        new($"Solver '{Name}' returned {what}. This is a defect in LampQ; please report it with the problem, and use another solver meanwhile.");

    // By reflection, so that a new solver is one new file: nothing else lists it.
    static IReadOnlyList<AllocationSolver> FindKnown() =>
        [.. typeof(AllocationSolver).GetProperties(BindingFlags.Public | BindingFlags.Static)
            .Where(property => property.PropertyType == typeof(AllocationSolver))
            .Select(property => (AllocationSolver)property.GetValue(null)!)
            .OrderBy(solver => solver.Name, StringComparer.Ordinal)];
}
