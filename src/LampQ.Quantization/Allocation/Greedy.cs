using LampQ.Solver;

namespace LampQ.Quantization;

public abstract partial class AllocationRule
{
    /// <summary>
    /// MPTQ-ViT's greedy rule (arXiv 2401.14895): every group starts at its widest; each step narrows the one with the least damage added per unit saved,
    /// (D_i(b′) − D_i(b)) / (size_i(b) − size_i(b′)), b′ the next width below, until every budget is kept.
    /// </summary>
    /// <remarks>The paper names model performance and compressibility as the two sides of its score; the quotient is our reading. With several budgets, units of the first one that is not kept count.</remarks>
    public static AllocationRule Greedy { get; } = new GreedyRule();
}

sealed class GreedyRule : AllocationRule
{
    public override string Name => "greedy";

    protected override RuleOutcome AllocateCore(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, AllocationAnswer optimum, CancellationToken cancellation)
    {
        // Menus by falling width, as indices into the item's choices.
        int[][] menus = [.. problem.Items.Select(item => Enumerable.Range(0, item.Choices.Count).OrderByDescending(c => item.Choices[c].Bits).ToArray())];
        var at = new int[menus.Length];
        while (true)
        {
            var current = new BitAllocation(problem, at.Select((place, i) => menus[i][place]));
            int beyond = Enumerable.Range(0, problem.Budgets.Count).FirstOrDefault(b => current.Totals[b] > problem.Budgets[b].Limit, -1);
            if (beyond < 0)
                return new(Held(current, optimum), []);
            var next = Enumerable.Range(0, at.Length).Select(i => Narrower(problem.Items[i], menus[i], at[i], beyond, i)).OfType<Step>().OrderBy(s => s.Score).ThenBy(s => s.Item).FirstOrDefault()
                ?? throw new ArgumentException($"The rule '{Name}' ended above the {problem.Budgets[beyond].Name} budget: narrower widths save nothing more. Use '{Ilp.Name}', which finds an allocation.");
            at[next.Item] = next.Place;
        }
    }

    // Widths that share a container save nothing; the next one that does is the step.
    static Step? Narrower(AllocationItem item, int[] menu, int place, int budget, int index)
    {
        var from = item.Choices[menu[place]];
        for (int p = place + 1; p < menu.Length; p++)
        {
            var to = item.Choices[menu[p]];
            if (to.Sizes[budget] < from.Sizes[budget])
                return new Step(index, p, (to.Damage - from.Damage) / (from.Sizes[budget] - to.Sizes[budget]));
        }
        return null;
    }

    sealed record Step(int Item, int Place, double Score);
}
