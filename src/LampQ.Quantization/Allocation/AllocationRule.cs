using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>How widths are chosen once it is known what each costs; known rules are listed by <see cref="All"/>.</summary>
public abstract partial class AllocationRule
{
    /// <summary>Every known rule.</summary>
    public static IReadOnlyList<AllocationRule> All => [Ilp, Greedy, FirstBlock, TwoBlock, Pareto];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Chooses a width for every group within every budget.</summary>
    /// <param name="problem">Menus, damages and budgets; its items are the groups, in their order.</param>
    /// <param name="groups">What gets bits.</param>
    /// <param name="profile">The measured sensitivity.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <returns>The allocation with a proof: a rule that does not search is held against the exact optimum, and the proof says how far above it lies.</returns>
    /// <exception cref="InfeasibleBudgetException">No allocation keeps the budgets.</exception>
    /// <exception cref="ArgumentException">The budgets can be kept, but not by this rule; the message says why.</exception>
    public RuleOutcome Allocate(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, CancellationToken cancellation = default)
    {
        var optimum = AllocationSolver.For(problem).Solve(problem, cancellation);
        optimum.Require();
        var outcome = AllocateCore(problem, groups, profile, optimum, cancellation);
        if (!outcome.Answer.Require().KeepsBudgets)
            throw new InvalidOperationException($"Rule '{Name}' returned an allocation beyond a budget.");
        return outcome;
    }

    /// <summary>Does the work.</summary>
    protected abstract RuleOutcome AllocateCore(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, AllocationAnswer optimum, CancellationToken cancellation);

    /// <summary>The answer of a rule that did not search: its allocation, bounded by the optimum.</summary>
    protected AllocationAnswer Held(BitAllocation allocation, AllocationAnswer optimum) => new(allocation, optimum.Proof with
    {
        Status = allocation.Damage <= optimum.Proof.Damage ? optimum.Proof.Status : AllocationStatus.Feasible,
        Solver = Name,
        Damage = allocation.Damage,
        Budgets = [.. optimum.Proof.Budgets.Select((use, b) => use with { Total = allocation.Totals[b] })],
        Gap = $"The rule '{Name}' does not look for the best.",
    });
}

/// <summary>What a rule found.</summary>
/// <param name="Answer">The allocation and what is proved about it.</param>
/// <param name="Front">Allocations of other budgets, none of which is better than another in both damage and first budget, by rising budget; empty for rules that look for one.</param>
public sealed record RuleOutcome(AllocationAnswer Answer, IReadOnlyList<BitAllocation> Front);
