using LampQ.Solver;

namespace LampQ.Quantization;

public abstract partial class AllocationRule
{
    /// <summary>
    /// LRP-QViT's rule (arXiv 2401.11243, section 4.4): the layers of the first two blocks get the width above the base, for each layer type as many of the least sensitive
    /// in later blocks the width below, and everything else the base, the widest that keeps every budget.
    /// </summary>
    /// <remarks>Only the order of sensitivities within a type matters. In a model whose blocks are alike the mean stays at the base.</remarks>
    public static AllocationRule TwoBlock { get; } = new FirstBlocksRule("two-block", 2);

    /// <summary><see cref="TwoBlock"/> with the first block alone, and one layer of each type that pays for it: the variant whose DeiT-S figure is in the paper's main table (72.43; two blocks have 72.82 in its ablation).</summary>
    public static AllocationRule FirstBlock { get; } = new FirstBlocksRule("first-block", 1);
}

sealed class FirstBlocksRule(string name, int blocks) : AllocationRule
{
    public override string Name => name;

    protected override RuleOutcome AllocateCore(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, AllocationAnswer optimum, CancellationToken cancellation)
    {
        int[] move = Moves(groups, profile);
        if (!move.Contains(1))
            throw new ArgumentException($"The rule '{Name}' needs transformer blocks, and the model has none that take part in the allocation. Use '{Ilp.Name}'.");
        int[] widths = [.. problem.Items.SelectMany(item => item.Choices.Select(c => c.Bits)).Distinct().Order()];
        for (int middle = widths.Length - 1; middle >= 0; middle--)
        {
            var allocation = new BitAllocation(problem, problem.Items.Select((item, i) =>
            {
                int bits = widths[Math.Clamp(middle + move[i], 0, widths.Length - 1)];
                return Enumerable.Range(0, item.Choices.Count).First(c => item.Choices[c].Bits == bits);
            }));
            if (allocation.KeepsBudgets)
                return new(Held(allocation, optimum), []);
        }
        throw new ArgumentException($"The rule '{Name}' gives the first blocks more than the narrowest width, which is beyond the budget. Raise the budget, or use '{Ilp.Name}'.");
    }

    /// <summary>+1, 0 or −1 a group.</summary>
    int[] Moves(IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile)
    {
        var move = new int[groups.Count];
        foreach (var type in Enumerable.Range(0, groups.Count).Where(i => groups[i].Layers[0].Block >= 0).GroupBy(i => groups[i].Type))
        {
            int[] first = [.. type.Where(i => groups[i].Layers[0].Block < blocks)];
            foreach (int i in first)
                move[i] = 1;
            foreach (int i in type.Except(first).OrderBy(i => profile.Groups[i].Sensitivity).Take(first.Length))
                move[i] = -1;
        }
        return move;
    }
}
