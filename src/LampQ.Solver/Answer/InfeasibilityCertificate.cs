using System.Globalization;

namespace LampQ.Solver;

/// <summary>Why no allocation exists: the smallest total that a budget can have is above its limit.</summary>
/// <param name="Violated">The budget that cannot be kept.</param>
/// <param name="SmallestTotal">The smallest total reachable in that budget, in its unit. Raising the limit to this number makes the problem feasible as far as <paramref name="WhileKeeping"/> goes.</param>
/// <param name="WhileKeeping">The other budgets that were kept while that total was minimized; empty when the budget cannot be kept even alone.</param>
public sealed record InfeasibilityCertificate(Budget Violated, long SmallestTotal, IReadOnlyList<Budget> WhileKeeping)
{
    /// <summary>The limit, the number that is needed, and what to do, in one sentence or two.</summary>
    public string Describe() => WhileKeeping.Count == 0
        ? string.Create(CultureInfo.InvariantCulture,
            $"The {Violated.Name} budget is {Violated.Limit:N0} {Violated.Unit}, but the smallest choice of every layer already needs {SmallestTotal:N0}. Raise the budget or offer fewer bits per weight.")
        : string.Create(CultureInfo.InvariantCulture,
            $"The {Violated.Name} budget is {Violated.Limit:N0} {Violated.Unit}, but no allocation that keeps {Others()} needs less than {SmallestTotal:N0}. Raise one of these budgets or offer fewer bits per weight.");

    string Others() => string.Join(" and ", WhileKeeping.Select(b =>
        string.Create(CultureInfo.InvariantCulture, $"{b.Limit:N0} {b.Unit} of {b.Name}")));
}
