namespace LampQ.Solver;

/// <summary>One choice for every item of a problem, with what it costs. Immutable; it may or may not keep the budgets.</summary>
public sealed class BitAllocation
{
    /// <param name="problem">The problem that the choices belong to.</param>
    /// <param name="choices">For every item the index into its <see cref="AllocationItem.Choices"/>.</param>
    /// <exception cref="ArgumentException">There is not one valid index for every item.</exception>
    public BitAllocation(AllocationProblem problem, IEnumerable<int> choices)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentNullException.ThrowIfNull(choices);
        Problem = problem;
        Choices = Array.AsReadOnly(choices.ToArray());
        Damage = problem.DamageOf(Choices);
        Totals = problem.TotalsOf(Choices);
    }

    /// <summary>The problem that this allocation answers.</summary>
    public AllocationProblem Problem { get; }

    /// <summary>For every item, in the problem's order, the index into its menu.</summary>
    public IReadOnlyList<int> Choices { get; }

    /// <summary>The objective: total damage, Σᵢ damage(i, Choices[i]).</summary>
    public double Damage { get; }

    /// <summary>For every budget, in the problem's order, the total size in its unit.</summary>
    public IReadOnlyList<long> Totals { get; }

    /// <summary>Whether every total is within its limit.</summary>
    public bool KeepsBudgets => Totals.Zip(Problem.Budgets).All(pair => pair.First <= pair.Second.Limit);

    /// <summary>Bits of item <paramref name="item"/> (its index in the problem).</summary>
    public int BitsOf(int item) => Problem.Items[item].Choices[Choices[item]].Bits;

    /// <summary>Bits of every item by its name.</summary>
    public IReadOnlyDictionary<string, int> BitsByName() =>
        Enumerable.Range(0, Choices.Count).ToDictionary(i => Problem.Items[i].Name, BitsOf);
}
