namespace LampQ.Solver;

/// <summary>What a solver could prove about a problem.</summary>
public enum AllocationStatus
{
    /// <summary>No allocation within the budgets does less damage (to within <see cref="AllocationProof.Tolerance"/>, which is usually zero).</summary>
    Optimal,

    /// <summary>The allocation keeps the budgets; a better one may exist, but none below <see cref="AllocationProof.LowerBound"/>. A limit on the search was reached.</summary>
    Feasible,

    /// <summary>No allocation keeps the budgets; <see cref="AllocationProof.Certificate"/> names the number.</summary>
    Infeasible,

    /// <summary>A limit on the search was reached before any allocation within the budgets was found or ruled out.</summary>
    Unknown,
}
