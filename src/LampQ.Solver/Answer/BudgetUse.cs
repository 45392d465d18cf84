namespace LampQ.Solver;

/// <summary>How much of a budget an allocation uses, and what one more unit of it would be worth.</summary>
/// <param name="Budget">The budget.</param>
/// <param name="Total">The allocation's total, in the budget's unit.</param>
/// <param name="Price">
/// The Lagrange multiplier λ ≥ 0 of this budget at the optimum of the Lagrangian dual: damage removed by one more unit, per unit, in the
/// relaxed problem. It is a rate, not the exact marginal value, which is a step function: often zero for one unit, then a jump.
/// </param>
public sealed record BudgetUse(Budget Budget, long Total, double Price)
{
    /// <summary>Units left: limit − total.</summary>
    public long Slack => Budget.Limit - Total;

    /// <summary>Whether the budget holds the damage up: its price is positive.</summary>
    public bool IsBinding => Price > 0;
}
