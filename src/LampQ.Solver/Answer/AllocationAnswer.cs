using System.Diagnostics.CodeAnalysis;

namespace LampQ.Solver;

/// <summary>A solver's answer: the allocation, if there is one, and what is proved about it.</summary>
/// <param name="Allocation">The best allocation found within the budgets; null when infeasible or unknown.</param>
/// <param name="Proof">The bound and gap, or why there is no allocation.</param>
public sealed record AllocationAnswer(BitAllocation? Allocation, AllocationProof Proof)
{
    /// <summary>Whether there is an allocation.</summary>
    [MemberNotNullWhen(true, nameof(Allocation))]
    public bool HasAllocation => Allocation is not null;

    /// <summary>The allocation, for callers that cannot go on without one.</summary>
    /// <exception cref="InfeasibleBudgetException">There is none; the message is the proof's own.</exception>
    public BitAllocation Require() => Allocation ?? throw new InfeasibleBudgetException(Proof);
}
