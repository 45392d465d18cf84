using LampQ.Onnx;
using LampQ.Solver;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class FormulationTests
{
    static readonly int[] Bits = [2, 4, 5, 8];

    [TestMethod]
    public void OfTargetBits_AGroupOfLayers_CostsItsParametersTimesBits()
    {
        var (groups, profile) = Groups(new() { Qkv = QkvForm.Separate });
        var problem = Formulation.OfTargetBits(groups, profile, Bits, 4.5);
        Assert.AreEqual((long)(4.5 * groups.Sum(g => g.Parameters)), problem.Budgets.Single().Limit);
        foreach (var (item, group) in problem.Items.Zip(groups))
        {
            Assert.AreEqual(group.Name, item.Name);
            foreach (var choice in item.Choices)
            {
                Assert.AreEqual(choice.Bits * group.Layers.Sum(l => l.OutputChannels * l.InputChannels), choice.Sizes[0]);
                Assert.AreEqual(profile.Groups.Single(g => g.Group == group.Name).Damage[choice.Bits], choice.Damage);
            }
        }
        // q, k and v of a block are one choice: patch embedding, head, and qkv, proj, fc1, fc2 of two blocks.
        Assert.AreEqual(10, groups.Length);
        Assert.AreEqual(2, groups.Count(g => g.Layers.Count == 3 && g.Type == LayerType.Qkv));
    }

    [TestMethod]
    public void OfTargetBits_AWholeNumberOfBits_AllowsExactlyThat()
    {
        var (groups, profile) = Groups(new());
        foreach (int bits in Bits)
        {
            var problem = Formulation.OfTargetBits(groups, profile, Bits, bits);
            Assert.IsTrue(new BitAllocation(problem, groups.Select(_ => Array.IndexOf(Bits, bits))).KeepsBudgets);
        }
    }

    [TestMethod]
    public void OfFileSize_WidthsThatShareAContainer_CostTheSameBytes()
    {
        var (groups, profile) = Groups(new());
        var problem = Formulation.OfFileSize(groups, profile, Bits, WeightContainer.Int4, 10_000, 4_000);
        Assert.AreEqual(6_000, problem.Budgets.Single().Limit);
        foreach (var (item, group) in problem.Items.Zip(groups))
            CollectionAssert.AreEqual(new[] { Half(group), Half(group), Whole(group), Whole(group) }, item.Choices.Select(c => c.Sizes[0]).ToArray());
    }

    // Weights and a zero point a row, each tensor rounded up to bytes.
    static long Half(AllocationGroup group) => group.Layers.Sum(l => (l.Parameters + 1) / 2 + (l.OutputChannels + 1) / 2);

    static long Whole(AllocationGroup group) => group.Layers.Sum(l => l.Parameters + l.OutputChannels);

    static (AllocationGroup[] Groups, SensitivityProfile Profile) Groups(TinyVit vit)
    {
        var model = TinyRuns.Prepared(vit.Build());
        AllocationGroup[] groups = [.. ModelFamily.Detect(model).FindLayers(model).GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))];
        return (groups, new("made up", [.. groups.Select((g, i) => new GroupSensitivity(g.Name, i, Bits.ToDictionary(b => b, b => i + 1.0 / b)))]));
    }
}
