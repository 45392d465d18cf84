using LampQ.Solver;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class AllocationRefinerTests
{
    static readonly int[] Widths = [2, 3, 4, 5, 6, 7, 8];

    [TestMethod]
    public void Refine_SeparableConvexErrorAndEqualLayers_ReachesTheOptimum()
    {
        // Under Σ bits = constant a separable convex error has no local optimum but the global one, so exhaustive search is the oracle.
        double[] weights = [30, 1, .02, 5];
        double Error(IReadOnlyList<int> bits) => bits.Select((b, i) => weights[i] * ErrorRatios.Relative(b)).Sum();
        var problem = Problem([1, 1, 1, 1], limit: 16);
        double best = (from a in Widths from b in Widths from c in Widths from d in Widths where a + b + c + d <= 16 select Error([a, b, c, d])).Min();
        var steps = new List<RefinementStep>();

        var refined = new AllocationRefiner { Patience = 100, MaximumSteps = 1000 }.Refine(Bits(problem, 4, 4, 4, 4),
            (item, bits) => weights[item] * ErrorRatios.Relative(bits), a => Error(BitsOf(a)), steps);

        Assert.AreEqual(best, Error(BitsOf(refined)), 1e-15);
        Assert.IsTrue(steps.Count(s => s.Accepted) > 0, "The start was optimal already; the case shows nothing.");
    }

    [TestMethod]
    public void Refine_UnequalLayers_KeepsTheBudgetInEverythingItMeasuresAndOnlyAcceptsLessError()
    {
        double[] weights = [1, 20, 3, 8, .1];
        long[] sizes = [7, 1, 3, 2, 5];
        var problem = Problem(sizes, limit: 4 * sizes.Sum() + 1);
        var measured = new List<BitAllocation>();
        double Error(BitAllocation a)
        {
            measured.Add(a);
            // Not what the estimate says: layers 1 and 2 hurt together.
            var bits = BitsOf(a);
            return bits.Select((b, i) => weights[i] * Math.Pow(.3, b)).Sum() + Math.Pow(.3, bits[1]) * Math.Pow(.3, bits[2]) * 500;
        }
        var steps = new List<RefinementStep>();

        var refined = new AllocationRefiner().Refine(Bits(problem, 4, 4, 4, 4, 4), (item, bits) => weights[item] * Math.Pow(.3, bits), Error, steps);

        Assert.IsTrue(measured.All(a => a.KeepsBudgets));
        Assert.AreEqual(steps.Count + 1, measured.Count);
        double error = Error(measured[0]);
        foreach (var step in steps)
        {
            Assert.AreEqual(error, step.Before);
            Assert.AreEqual(step.After < step.Before, step.Accepted);
            Assert.AreNotEqual(step.Up, step.Down);
            error = step.Accepted ? step.After : error;
        }
        Assert.AreEqual(error, Error(refined));
        Assert.IsTrue(steps.Any(s => s.Accepted));
    }

    [TestMethod]
    public void Refine_EachMeasuredPair_MovesOneBitUpAndOneDown()
    {
        var problem = Problem([2, 2, 2], limit: 24);
        var measured = new List<int[]>();
        new AllocationRefiner().Refine(Bits(problem, 3, 4, 5), (_, bits) => ErrorRatios.Relative(bits), a =>
        {
            measured.Add(BitsOf(a));
            return 1;
        }, []);
        foreach (var bits in measured.Skip(1))
            CollectionAssert.AreEquivalent(new[] { -1, 0, 1 }, bits.Zip(measured[0], (after, before) => after - before).ToArray());
    }

    [TestMethod]
    public void Refine_NothingHelps_TriesEachPairOnceAndGivesUpByPatience()
    {
        var problem = Problem([1, 1, 1, 1], limit: 16);
        var start = Bits(problem, 4, 4, 4, 4);
        var steps = new List<RefinementStep>();

        var refined = new AllocationRefiner { Patience = 5 }.Refine(start, (item, _) => item + 1, _ => 1, steps);

        Assert.AreEqual(5, steps.Count);
        Assert.AreEqual(5, steps.Select(s => (s.Up, s.Down)).Distinct().Count());
        Assert.IsTrue(steps.All(s => !s.Accepted));
        CollectionAssert.AreEqual(BitsOf(start), BitsOf(refined));
    }

    [TestMethod]
    public void Refine_ASuccessAfterFailures_StartsPatienceAgain()
    {
        var problem = Problem([1, 1, 1, 1], limit: 16);
        var steps = new List<RefinementStep>();
        int runs = 0;
        // Every third pair helps; patience of 3 never runs out before the steps do.
        new AllocationRefiner { Patience = 3, MaximumSteps = 9 }.Refine(Bits(problem, 4, 4, 4, 4), (item, _) => item + 1, _ => runs++ % 3 == 0 ? -runs : 0, steps);
        Assert.AreEqual(9, steps.Count);
        CollectionAssert.AreEqual(new[] { false, false, true, false, false, true, false, false, true }, steps.Select(s => s.Accepted).ToArray());
    }

    [TestMethod]
    public void Refine_NoSteps_MeasuresNothing()
    {
        var start = Bits(Problem([1, 1], limit: 8), 4, 4);
        var refined = new AllocationRefiner { MaximumSteps = 0 }.Refine(start, (_, _) => 1, _ => throw new InvalidOperationException("measured"), []);
        Assert.AreSame(start, refined);
    }

    [TestMethod]
    public void Refine_FirstPair_HasTheLargestGainMinusDegradation()
    {
        // Layers of one size at 4 bits with relative errors 1, 2, 4: gain(i) = L·(1 − 1/ρ(5)), degradation(i) = L·(ρ(4) − 1): up 2, down 0.
        var problem = Problem([1, 1, 1], limit: 12);
        var steps = new List<RefinementStep>();
        new AllocationRefiner { MaximumSteps = 1 }.Refine(Bits(problem, 4, 4, 4), (item, _) => 1 << item, _ => 0, steps);
        Assert.AreEqual(("layer 2", "layer 0"), (steps[0].Up, steps[0].Down));
    }

    [TestMethod]
    public void Refine_WidthsWithGaps_TakesTheNextWidthAndAllRatiosBetween()
    {
        int[] widths = [2, 4, 8];
        var problem = new AllocationProblem(Enumerable.Range(0, 3).Select(i => new AllocationItem($"layer {i}", [.. widths.Select(b => new Choice(b, 0, [b]))])), [new Budget("bits", "bits", 14)]);
        // 2, 4 and 8 bits: layer 0 or 1 may rise where layer 2 falls to 4. Layer 0 wins 1 − 1/(ρ(3)·ρ(4)) = 0.97 of its error, layer 1 wins 1 − 1/(ρ(5)·…·ρ(8)) = 0.997 of its
        // own: of 10 and 9.8 that is 9.68 and 9.77, while one ratio alone, 1 − 1/ρ(3) and 1 − 1/ρ(5), would say 8.5 and 7.5.
        double[] errors = [10, 9.8, 0];
        var steps = new List<RefinementStep>();

        var refined = new AllocationRefiner { MaximumSteps = 1 }.Refine(new BitAllocation(problem, [0, 1, 2]), (item, _) => errors[item], a => a.BitsOf(1) == 8 ? 0 : 1, steps);

        Assert.AreEqual(("layer 1", "layer 2", true), (steps[0].Up, steps[0].Down, steps[0].Accepted));
        CollectionAssert.AreEqual(new[] { 2, 8, 4 }, BitsOf(refined));
    }

    static AllocationProblem Problem(long[] sizes, long limit) => new(
        sizes.Select((size, i) => new AllocationItem($"layer {i}", [.. Widths.Select(b => new Choice(b, ErrorRatios.Relative(b), [b * size]))])), [new Budget("bits", "bits", limit)]);

    static BitAllocation Bits(AllocationProblem problem, params int[] bits) => new(problem, bits.Select(b => b - Widths[0]));

    static int[] BitsOf(BitAllocation allocation) => [.. Enumerable.Range(0, allocation.Choices.Count).Select(allocation.BitsOf)];
}
