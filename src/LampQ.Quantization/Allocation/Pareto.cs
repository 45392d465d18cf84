using LampQ.Solver;

namespace LampQ.Quantization;

public abstract partial class AllocationRule
{
    /// <summary>
    /// The front of damage against the first budget: the exact optimum at limits spread evenly from the smallest to the largest total (the other budgets as they are), those dropped that
    /// another one beats in both. The allocation for the budget asked for is that of <see cref="Ilp"/>.
    /// </summary>
    public static AllocationRule Pareto { get; } = new ParetoRule();
}

sealed class ParetoRule : AllocationRule
{
    // From 2 to 8 bits a weight: a step of an eighth of a bit.
    const int Steps = 48;

    public override string Name => "pareto";

    protected override RuleOutcome AllocateCore(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, AllocationAnswer optimum, CancellationToken cancellation)
    {
        long smallest = problem.SmallestTotal(0), largest = problem.Items.Sum(item => item.Choices.Max(c => c.Sizes[0]));
        var front = new List<BitAllocation>();
        for (int step = 0; step <= Steps; step++)
        {
            long limit = smallest + (long)((Int128)(largest - smallest) * step / Steps);
            var swept = new AllocationProblem(problem.Items, [problem.Budgets[0] with { Limit = limit }, .. problem.Budgets.Skip(1)]);
            if (AllocationSolver.For(swept).Solve(swept, cancellation).Allocation is { } allocation && (front.Count == 0 || allocation.Damage < front[^1].Damage))
                front.Add(allocation);
        }
        return new(optimum, front);
    }
}
