namespace LampQ.Solver;

/// <summary>What a solver's own work returns; <see cref="AllocationSolver.Solve"/> checks it and turns it into an answer.</summary>
public sealed record SearchOutcome
{
    /// <summary>For every item the index of its choice; null when no allocation within the budgets was found.</summary>
    public IReadOnlyList<int>? Choices { get; init; }

    /// <summary>Whether nothing was left out: <see cref="Choices"/> is optimal to within <see cref="Tolerance"/>, or, when null, none exists.</summary>
    public required bool Proven { get; init; }

    /// <summary>A lower bound on the damage of every allocation within the budgets; needed only when not <see cref="Proven"/>.</summary>
    public double LowerBound { get; init; } = double.NegativeInfinity;

    /// <summary>See <see cref="AllocationProof.Tolerance"/>.</summary>
    public double Tolerance { get; init; }

    /// <summary>Partial allocations looked at.</summary>
    public long Nodes { get; init; }

    /// <summary>One Lagrange multiplier for each budget, if the search computed them anyway.</summary>
    public IReadOnlyList<double>? Prices { get; init; }
}
