using LampQ.Onnx;
using LampQ.Solver;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>What every rule promises, and what each one does.</summary>
[TestClass]
public sealed class AllocationRuleTests
{
    static readonly int[] Bits = [2, 3, 4, 5, 6];

    public static IEnumerable<object[]> Rules => AllocationRule.All.Select(r => new object[] { r.Name });

    [TestMethod]
    [DynamicData(nameof(Rules))]
    public void Allocate_OneBudgetOrTwo_KeepsThemAndSaysHowFarItIsFromTheBest(string name)
    {
        var rule = AllocationRule.All.Single(r => r.Name == name);
        foreach (int seed in Enumerable.Range(0, 20))
        {
            var (groups, profile) = Groups(seed, blocks: 4);
            var one = Formulation.OfTargetBits(groups, profile, Bits, 4);
            var two = Formulation.With(one, groups, (g, b) => g.Parameters * b * b, new Budget("bit operations", "bit operations", groups.Sum(g => g.Parameters) * 14));
            foreach (var problem in new[] { one, two })
            {
                var (answer, _) = rule.Allocate(problem, groups, profile);
                double best = AllocationSolver.For(problem).Solve(problem).Require().Damage;
                Assert.IsTrue(answer.Allocation!.KeepsBudgets, $"seed {seed}");
                Assert.AreEqual(best, answer.Proof.LowerBound, 1e-9 * best, $"seed {seed}");
                Assert.AreEqual(answer.Allocation.Damage, answer.Proof.Damage!.Value, $"seed {seed}");
                Assert.AreEqual(answer.Allocation.Damage <= best * (1 + 1e-12), answer.Proof.Status == AllocationStatus.Optimal, $"seed {seed}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Rules))]
    public void Allocate_ABudgetBelowTheNarrowest_ThrowsWithTheSmallestThatCanBeKept(string name)
    {
        var (groups, profile) = Groups(0, blocks: 4);
        var problem = Formulation.OfTargetBits(groups, profile, Bits, 1.5);
        var e = Assert.ThrowsException<InfeasibleBudgetException>(() => AllocationRule.All.Single(r => r.Name == name).Allocate(problem, groups, profile));
        Assert.AreEqual(groups.Sum(g => g.Parameters) * 2, e.Proof.Certificate!.SmallestTotal);
    }

    [TestMethod]
    public void Greedy_EveryStep_NarrowsWhereABitCostsLeastForItsSize()
    {
        // a saves 1 unit a bit for 1 damage (score 1), b saves 4 for 2 (½), then for 12 (3): b, then a twice.
        AllocationProblem problem = new(
            [Item("a", 1, (4, 0), (3, 1), (2, 2.5)), Item("b", 4, (4, 0), (3, 2), (2, 14))],
            [new Budget("size", "bits", 20 - 4 - 2)]);
        var (groups, profile) = Groups(0, blocks: 1);

        var answer = AllocationRule.Greedy.Allocate(problem, [.. groups.Take(2)], profile).Answer;

        CollectionAssert.AreEqual(new[] { 2, 3 }, new[] { answer.Allocation!.BitsOf(0), answer.Allocation.BitsOf(1) });
    }

    [TestMethod]
    public void Greedy_DamageAlone_WouldNarrowTheOther()
    {
        // Least damage is a's (1 against 2), least damage a unit is b's: one step of b keeps the budget, no step of a does.
        AllocationProblem problem = new([Item("a", 1, (4, 0), (3, 1)), Item("b", 4, (4, 0), (3, 2))], [new Budget("size", "bits", 16)]);
        var (groups, profile) = Groups(0, blocks: 1);
        var allocation = AllocationRule.Greedy.Allocate(problem, [.. groups.Take(2)], profile).Answer.Allocation!;
        Assert.AreEqual((4, 3), (allocation.BitsOf(0), allocation.BitsOf(1)));
    }

    [TestMethod]
    [DataRow("first-block", 1)]
    [DataRow("two-block", 2)]
    public void FirstBlocks_OneOrTwo_AreRaisedAndTheLeastSensitiveOfEachTypeLowered(string rule, int blocks)
    {
        var (groups, profile) = Groups(3, blocks: 6);
        var problem = Formulation.OfTargetBits(groups, profile, Bits, 4);

        var allocation = AllocationRule.All.Single(r => r.Name == rule).Allocate(problem, groups, profile).Answer.Allocation!;

        Assert.AreEqual(problem.Budgets[0].Limit, allocation.Totals[0], "as many layers up as down: the mean stays");
        foreach (var type in Enumerable.Range(0, groups.Length).Where(i => groups[i].Layers[0].Block >= 0).GroupBy(i => groups[i].Type))
        {
            int[] later = [.. type.Where(i => groups[i].Layers[0].Block >= blocks).OrderBy(i => profile.Groups[i].Sensitivity)];
            Assert.IsTrue(type.Except(later).All(i => allocation.BitsOf(i) == 5), $"{type.Key}");
            Assert.IsTrue(later.Take(blocks).All(i => allocation.BitsOf(i) == 3), $"{type.Key}");
            Assert.IsTrue(later.Skip(blocks).All(i => allocation.BitsOf(i) == 4), $"{type.Key}");
            Assert.AreEqual(6, type.Count());
        }
    }

    [TestMethod]
    public void TwoBlock_AModelWithoutBlocks_IsRefusedNamingAnotherRule()
    {
        var (groups, profile) = Groups(0, blocks: 1);
        AllocationGroup[] outside = [.. groups.Where(g => g.Layers[0].Block < 0)];
        var problem = Formulation.OfTargetBits(outside, new("made up", [.. outside.Select(g => profile.Groups.Single(p => p.Group == g.Name))]), Bits, 4);
        StringAssert.Contains(Assert.ThrowsException<ArgumentException>(() => AllocationRule.TwoBlock.Allocate(problem, outside, profile)).Message, "ilp");
    }

    [TestMethod]
    public void Pareto_TheFront_FallsInDamageAndIsOptimalAtEveryPoint()
    {
        var (groups, profile) = Groups(5, blocks: 2);
        var problem = Formulation.OfTargetBits(groups, profile, Bits, 4);

        var (answer, front) = AllocationRule.Pareto.Allocate(problem, groups, profile);

        Assert.AreEqual(AllocationStatus.Optimal, answer.Proof.Status);
        Assert.IsTrue(front.Count > 20, $"{front.Count} points");
        Assert.AreEqual(groups.Sum(g => g.Parameters) * 2, front[0].Totals[0]);
        Assert.AreEqual(groups.Sum(g => profile.Groups.Single(p => p.Group == g.Name).Damage[6]), front[^1].Damage, 1e-9);
        for (int i = 1; i < front.Count; i++)
            Assert.IsTrue(front[i].Totals[0] > front[i - 1].Totals[0] && front[i].Damage < front[i - 1].Damage, $"point {i}");
        foreach (var point in front)
        {
            var same = new AllocationProblem(problem.Items, [problem.Budgets[0] with { Limit = point.Totals[0] }]);
            Assert.AreEqual(AllocationSolver.For(same).Solve(same).Require().Damage, point.Damage, 1e-12);
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void BitOperations_OfEveryLayer_AreTokensTimesWeightsTimesBits(bool fixedBatch)
    {
        var vit = new TinyVit { ImageSize = 16, DynamicBatch = !fixedBatch };
        var calibration = TinyRuns.Calibrate(vit, TinyRuns.Samples(vit));
        var operations = new BitOperationCount(calibration);
        // 16 x 16 pixels in patches of 4: 16 of them, and the class token, which alone reaches the head.
        int patches = 16 / vit.Patch * (16 / vit.Patch);
        foreach (var layer in calibration.Structure.Layers)
        {
            long rows = layer.Type switch { LayerType.PatchEmbedding => patches, LayerType.Head => 1, _ => patches + 1 };
            Assert.AreEqual(rows * layer.Parameters, operations.Multiplications(layer), layer.Name);
            Assert.AreEqual(rows * layer.Parameters * 3 * 8, operations.Of(layer, 3, QuantizationProfile.Cpu), layer.Name);
            // An image keeps its 8 bits.
            Assert.AreEqual(rows * layer.Parameters * 3 * (layer.Type == LayerType.PatchEmbedding ? 8 : 3), operations.Of(layer, 3, QuantizationProfile.Paper), layer.Name);
        }
    }

    [TestMethod]
    public void Quantize_UnderABudgetOfBitOperations_KeepsItWithTheFixedLayersCounted()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var calibration = TinyRuns.Calibrate(vit, samples);
        var operations = new BitOperationCount(calibration);
        long Total(IEnumerable<(QuantizableLayer Layer, int Bits)> layers) => layers.Sum(l => operations.Of(l.Layer, l.Bits, QuantizationProfile.Cpu));
        var fixedTypes = new[] { LayerType.PatchEmbedding, LayerType.Head };
        // Enough for 4 bits everywhere, while the average may be 6.
        long limit = Total(calibration.Structure.Layers.Select(l => (l, fixedTypes.Contains(l.Type) ? 8 : 4)));

        var result = new ModelQuantizer(TinyRuns.Options with { TargetBits = 6, MaxBitOperations = limit }).Quantize(vit.Build(), samples);

        var bits = result.Layers.ToDictionary(l => l.Name, l => l.Bits);
        long used = Total(calibration.Structure.Layers.Select(l => (l, bits[l.Name])));
        Assert.IsTrue(used <= limit, $"{used} of {limit}");
        Assert.IsTrue(used > .9 * limit, $"{used} of {limit}");
        Assert.AreEqual(2, result.Answer!.Allocation!.Problem.Budgets.Count);
    }

    static AllocationItem Item(string name, int size, params (int Bits, double Damage)[] choices) =>
        new(name, [.. choices.Select(c => new Choice(c.Bits, c.Damage, [size * (long)c.Bits]))]);

    static (AllocationGroup[] Groups, SensitivityProfile Profile) Groups(int seed, int blocks)
    {
        var model = TinyRuns.Prepared(new TinyVit { Depth = blocks }.Build());
        AllocationGroup[] groups = [.. ModelFamily.Detect(model).FindLayers(model).Where(l => blocks == 1 || l.Block >= 0).GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))];
        var random = new Random(seed);
        return (groups, new("made up", [.. groups.Select(g =>
        {
            double damage = Math.Exp(4 * random.NextDouble());
            return new GroupSensitivity(g.Name, damage, Bits.ToDictionary(b => b, b => damage * Math.Pow(4, -b)));
        })]));
    }
}
