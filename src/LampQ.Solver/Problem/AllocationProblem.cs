using System.Globalization;

namespace LampQ.Solver;

/// <summary>
/// Who gets how many bits: one choice for every item, least total damage, every budget kept. A multiple-choice knapsack:
/// minimize Σᵢ damage(i, cᵢ) subject to Σᵢ size_b(i, cᵢ) ≤ limit_b for every budget b.
/// </summary>
/// <remarks>
/// Immutable: lists are copied. Among allocations of equal damage the preferred one has the smaller total in the first
/// budget, then in the second and so on, and then more bits for the first item in which they differ.
/// Source: LampQ (AAAI-26), step 1, with any damage function and any number of budgets.
/// </remarks>
public sealed class AllocationProblem
{
    /// <summary>Totals stay below this, so that they are exact as doubles too (2⁵³).</summary>
    const long LargestTotal = 1L << 53;

    /// <summary>Far below the largest double, so that no sum or product of damages, prices and sizes overflows.</summary>
    const double LargestDamage = 1e200;

    /// <param name="items">At least one layer or group, with unique names.</param>
    /// <param name="budgets">At least one budget, with unique names; every choice has one size for each.</param>
    /// <exception cref="ArgumentException">
    /// There is no item or no budget, a name is empty or used twice, a menu is empty or offers a width twice, a damage is
    /// not finite or beyond ±1e200, a size is negative or missing, or the largest sizes add up to 2⁵³ or more.
    /// </exception>
    public AllocationProblem(IEnumerable<AllocationItem> items, IEnumerable<Budget> budgets)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(budgets);
        Budgets = Array.AsReadOnly(budgets.ToArray());
        Items = Array.AsReadOnly(items.Select(Copy).ToArray());

        if (Items.Count == 0)
            throw new ArgumentException("There is no item to give bits to; at least one is needed. Pass the layers that can be quantized.", nameof(items));
        if (Budgets.Count == 0)
            throw new ArgumentException("There is no budget; at least one is needed. Without a limit every item simply takes its least damaging choice.", nameof(budgets));
        CheckBudgets();
        CheckItems();
    }

    /// <summary>The layers or groups, in the caller's order.</summary>
    public IReadOnlyList<AllocationItem> Items { get; }

    /// <summary>The limits, in the order of <see cref="Choice.Sizes"/>.</summary>
    public IReadOnlyList<Budget> Budgets { get; }

    /// <summary>Total damage of an allocation: Σᵢ damage(i, choices[i]).</summary>
    /// <param name="choices">For every item the index into its <see cref="AllocationItem.Choices"/>.</param>
    /// <returns>The sum, compensated (Neumaier), so that tiny damages are not lost beside huge ones.</returns>
    /// <exception cref="ArgumentException">There is not one valid index for every item.</exception>
    public double DamageOf(IReadOnlyList<int> choices)
    {
        CheckChoices(choices);
        double sum = 0, compensation = 0;
        for (int i = 0; i < Items.Count; i++)
        {
            double damage = Items[i].Choices[choices[i]].Damage;
            double next = sum + damage;
            compensation += Math.Abs(sum) >= Math.Abs(damage) ? sum - next + damage : damage - next + sum;
            sum = next;
        }
        return sum + compensation;
    }

    /// <summary>Total size of an allocation, for each budget in its unit: Σᵢ size_b(i, choices[i]).</summary>
    /// <param name="choices">For every item the index into its <see cref="AllocationItem.Choices"/>.</param>
    /// <exception cref="ArgumentException">There is not one valid index for every item.</exception>
    public IReadOnlyList<long> TotalsOf(IReadOnlyList<int> choices)
    {
        CheckChoices(choices);
        var totals = new long[Budgets.Count];
        for (int i = 0; i < Items.Count; i++)
            for (int b = 0; b < totals.Length; b++)
                totals[b] += Items[i].Choices[choices[i]].Sizes[b];
        return Array.AsReadOnly(totals);
    }

    /// <summary>The smallest total any allocation has in one budget, when the other budgets do not matter.</summary>
    public long SmallestTotal(int budget) => Items.Sum(item => item.Choices.Min(c => c.Sizes[budget]));

    /// <summary>The problem whose damage is the size in budget <paramref name="budget"/> and whose limits are the budgets before it.</summary>
    /// <remarks>Its optimum is the smallest total that budget can have while the earlier budgets are kept. Sizes below 2⁵³ are exact as damages.</remarks>
    internal AllocationProblem MinimizingSizeOf(int budget) => new(
        Items.Select(item => new AllocationItem(item.Name, item.Choices
            .Select(c => new Choice(c.Bits, c.Sizes[budget], c.Sizes.Take(budget).ToArray()))
            .ToArray())),
        Budgets.Take(budget));

    void CheckBudgets()
    {
        var names = new HashSet<string>();
        foreach (var budget in Budgets)
        {
            ArgumentNullException.ThrowIfNull(budget, "budgets");
            if (string.IsNullOrWhiteSpace(budget.Name))
                throw new ArgumentException("A budget has no name; reports need one. Call it for example 'size'.", "budgets");
            if (string.IsNullOrWhiteSpace(budget.Unit))
                throw new ArgumentException($"Budget '{budget.Name}' has no unit; reports need one. Say for example 'bits' or 'bytes'.", "budgets");
            if (!names.Add(budget.Name))
                throw new ArgumentException($"Two budgets are called '{budget.Name}'; names must be unique. Rename one.", "budgets");
        }
    }

    void CheckItems()
    {
        var names = new HashSet<string>();
        foreach (var item in Items)
        {
            if (!names.Add(item.Name))
                throw new ArgumentException($"Two items are called '{item.Name}'; names must be unique. Rename one, or make them one group.", "items");
            if (item.Choices.Count == 0)
                throw new ArgumentException($"Item '{item.Name}' has no choice; at least one bit-width is needed. Leave the item out if it stays in float.", "items");
            var widths = new HashSet<int>();
            foreach (var choice in item.Choices)
            {
                if (!widths.Add(choice.Bits))
                    throw new ArgumentException($"Item '{item.Name}' offers {choice.Bits} bits twice; each width may appear once. Keep the better of the two.", "items");
                CheckChoice(item, choice);
            }
        }
        for (int b = 0; b < Budgets.Count; b++)
        {
            var largest = Items.Aggregate(Int128.Zero, (sum, item) => sum + item.Choices.Max(c => c.Sizes[b]));
            if (largest >= LargestTotal)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                    $"The largest sizes add up to {largest:N0} {Budgets[b].Unit} in budget '{Budgets[b].Name}'; totals must stay below {LargestTotal:N0}. Use a larger unit."), "items");
        }
    }

    void CheckChoice(AllocationItem item, Choice choice)
    {
        if (!double.IsFinite(choice.Damage) || Math.Abs(choice.Damage) > LargestDamage)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"Item '{item.Name}' has damage {choice.Damage} at {choice.Bits} bits; a finite number up to ±{LargestDamage:0e0} is needed. Check the sensitivity measurement of this layer."), "items");
        if (choice.Sizes.Count != Budgets.Count)
            throw new ArgumentException($"Item '{item.Name}' has {choice.Sizes.Count} sizes at {choice.Bits} bits; there are {Budgets.Count} budgets. Give one size for each budget.", "items");
        foreach (long size in choice.Sizes)
            if (size < 0)
                throw new ArgumentException($"Item '{item.Name}' has size {size} at {choice.Bits} bits; sizes are zero or more. Check the cost measure.", "items");
    }

    void CheckChoices(IReadOnlyList<int> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        if (choices.Count != Items.Count)
            throw new ArgumentException($"There are {choices.Count} choices for {Items.Count} items; one for each item is needed.", nameof(choices));
        for (int i = 0; i < choices.Count; i++)
            if ((uint)choices[i] >= (uint)Items[i].Choices.Count)
                throw new ArgumentException($"Choice {choices[i]} of item '{Items[i].Name}' does not exist; it has choices 0 to {Items[i].Choices.Count - 1}.", nameof(choices));
    }

    static AllocationItem Copy(AllocationItem item)
    {
        ArgumentNullException.ThrowIfNull(item, "items");
        if (string.IsNullOrWhiteSpace(item.Name))
            throw new ArgumentException("An item has no name; reports need one. Use the layer's name.", "items");
        ArgumentNullException.ThrowIfNull(item.Choices, "items");
        return new(item.Name, Array.AsReadOnly(item.Choices.Select(Copy).ToArray()));
    }

    static Choice Copy(Choice choice)
    {
        ArgumentNullException.ThrowIfNull(choice, "items");
        ArgumentNullException.ThrowIfNull(choice.Sizes, "items");
        return choice with { Sizes = Array.AsReadOnly(choice.Sizes.ToArray()) };
    }
}
