using LampQ.Solver;

namespace LampQ.Quantization;

public abstract partial class AllocationRule
{
    /// <summary>Least total damage within every budget, solved exactly (LampQ, AAAI-26, step 1): minimize Σ D_i(B_i).</summary>
    public static AllocationRule Ilp { get; } = new IlpRule();
}

sealed class IlpRule : AllocationRule
{
    public override string Name => "ilp";

    protected override RuleOutcome AllocateCore(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, AllocationAnswer optimum, CancellationToken cancellation) =>
        new(optimum, []);
}
