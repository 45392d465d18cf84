using System.Globalization;
using System.Text;

namespace LampQ.Solver;

/// <summary>What a solver proved: a lower bound on every allocation's damage, or a certificate that there is none.</summary>
public sealed record AllocationProof
{
    /// <summary>What is proved.</summary>
    public required AllocationStatus Status { get; init; }

    /// <summary>Name of the solver that proved it.</summary>
    public required string Solver { get; init; }

    /// <summary>Damage of the allocation found; null without one.</summary>
    public double? Damage { get; init; }

    /// <summary>No allocation within the budgets does less damage than this. +∞ when infeasible.</summary>
    public required double LowerBound { get; init; }

    /// <summary>
    /// How much damage the solver's number representation may hide, in units of damage: an optimal allocation is optimal to within
    /// this. Zero when every damage was represented exactly.
    /// </summary>
    public double Tolerance { get; init; }

    /// <summary>For every budget its use and its price, in the problem's order; empty without an allocation.</summary>
    public IReadOnlyList<BudgetUse> Budgets { get; init; } = [];

    /// <summary>Why there is no allocation; null unless <see cref="AllocationStatus.Infeasible"/>.</summary>
    public InfeasibilityCertificate? Certificate { get; init; }

    /// <summary>Why a feasible allocation was not proved optimal, as a sentence.</summary>
    public string Gap { get; init; } = "The search limit was reached.";

    /// <summary>Partial allocations looked at.</summary>
    public long Nodes { get; init; }

    /// <summary>Damage − LowerBound, never negative; null without an allocation.</summary>
    public double? AbsoluteGap => Damage is { } damage ? Math.Max(0, damage - LowerBound) : null;

    /// <summary>AbsoluteGap / |Damage|; 0 when the gap is 0, +∞ when only the damage is 0; null without an allocation.</summary>
    public double? RelativeGap => AbsoluteGap is { } gap ? gap == 0 ? 0 : gap / Math.Abs(Damage!.Value) : null;

    /// <summary>The budgets that hold the damage up (positive price).</summary>
    public IEnumerable<BudgetUse> BindingBudgets => Budgets.Where(use => use.IsBinding);

    /// <summary>The proof in a few sentences for a report: status, bound, gap, budgets and prices, or the reason why there is no allocation.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        text.Append(Status switch
        {
            AllocationStatus.Optimal when Tolerance == 0 => Invariant($"Optimal: damage {Damage:G6}; no allocation within the budget does less."),
            AllocationStatus.Optimal => Invariant($"Optimal to within {Tolerance:G3}: damage {Damage:G6}."),
            AllocationStatus.Feasible => Invariant($"Feasible: damage {Damage:G6}; none is below {LowerBound:G6} (gap {AbsoluteGap:G3}, {RelativeGap:P4}). {Gap}"),
            AllocationStatus.Infeasible => Certificate!.Describe(),
            _ => Invariant($"Unknown: no allocation was found before the search limit; none is below {LowerBound:G6}. Raise the limit."),
        });
        foreach (var use in Budgets)
            text.Append(use.IsBinding
                ? Invariant($" The {use.Budget.Name} budget binds: {use.Total:N0} of {use.Budget.Limit:N0} {use.Budget.Unit}; one more unit is worth {use.Price:G3} damage (Lagrange multiplier).")
                : Invariant($" The {use.Budget.Name} budget does not bind: {use.Total:N0} of {use.Budget.Limit:N0} {use.Budget.Unit}."));
        return text.ToString();
    }

    /// <inheritdoc cref="Describe"/>
    public override string ToString() => Describe();

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
