using LampQ.Onnx;
using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>Makes the exact program: one item a group, one choice a width, one budget or several.</summary>
public static class Formulation
{
    /// <summary>The allocation problem under Σ parameters·bits ≤ target·Σ parameters.</summary>
    public static AllocationProblem OfTargetBits(IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, IReadOnlyList<int> bits, double targetBits) =>
        Of(groups, profile, bits, (group, b) => group.Parameters * b,
            new Budget("average bits", "bits", (long)Math.Floor(targetBits * groups.Sum(g => g.Parameters) + 1e-6)));

    /// <summary>The allocation problem under the bytes of the written file.</summary>
    /// <param name="groups">What gets bits.</param>
    /// <param name="profile">How much each minds.</param>
    /// <param name="bits">The widths offered.</param>
    /// <param name="container">Types weights are stored in; widths that share one cost the same.</param>
    /// <param name="maxSize">Bytes the whole file may have.</param>
    /// <param name="fixedBytes">Bytes of everything but the integer weights of the groups and their zero points: scales, biases, names, and what stays float.</param>
    public static AllocationProblem OfFileSize(IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, IReadOnlyList<int> bits, WeightContainer container,
        long maxSize, long fixedBytes) =>
        Of(groups, profile, bits, (group, b) => group.Layers.Sum(l => IntegerBytes(container, l, b)), new Budget("file size", "bytes", maxSize - fixedBytes));

    /// <summary>The same problem with one budget more.</summary>
    /// <param name="problem">Its items are the groups, in their order.</param>
    /// <param name="groups">What gets bits.</param>
    /// <param name="size">What a group at a width takes of it.</param>
    /// <param name="budget">The limit, what never changes already taken off.</param>
    public static AllocationProblem With(AllocationProblem problem, IReadOnlyList<AllocationGroup> groups, Func<AllocationGroup, int, long> size, Budget budget) =>
        new(problem.Items.Zip(groups, (item, group) => item with { Choices = [.. item.Choices.Select(c => c with { Sizes = [.. c.Sizes, size(group, c.Bits)] })] }), [.. problem.Budgets, budget]);

    /// <summary>Bytes of a layer that its width decides: the weights and their zero points, one a row.</summary>
    internal static long IntegerBytes(WeightContainer container, QuantizableLayer layer, int bits) =>
        container.SizeInBytes(layer.Parameters, bits) + container.SizeInBytes(layer.OutputChannels, bits);

    static AllocationProblem Of(IReadOnlyList<AllocationGroup> groups, SensitivityProfile profile, IReadOnlyList<int> bits, Func<AllocationGroup, int, long> size, Budget budget) =>
        new(groups.Zip(profile.Groups, (group, sensitivity) => new AllocationItem(group.Name,
            [.. bits.Select(b => new Choice(b, sensitivity.Damage[b], [size(group, b)]))])), [budget]);
}
