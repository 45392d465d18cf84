namespace LampQ.Solver;

/// <summary>A caller required an allocation and the budgets allow none (or none was found within the search limit).</summary>
/// <param name="proof">The proof without allocation; its description is the message.</param>
public sealed class InfeasibleBudgetException(AllocationProof proof) : ArgumentException(proof.Describe())
{
    /// <summary>What was proved, with the smallest reachable total in <see cref="AllocationProof.Certificate"/>.</summary>
    public AllocationProof Proof { get; } = proof;
}
