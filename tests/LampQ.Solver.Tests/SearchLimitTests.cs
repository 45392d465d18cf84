using System.Diagnostics;

namespace LampQ.Solver.Tests;

/// <summary>A search that is cut short says so, and what it says about bound and gap is true.</summary>
[TestClass]
public class SearchLimitTests
{
    const int Seed = 4_711;

    public TestContext TestContext { get; set; } = null!;

    static readonly AllocationSolver[] cutShort =
    [
        AllocationSolver.DynamicProgrammingWithin(widestList: 2),
        AllocationSolver.DynamicProgrammingWithin(widestList: 5),
        AllocationSolver.BranchAndBoundWithin(new() { Width = 1 }),
        AllocationSolver.BranchAndBoundWithin(new() { Width = 3 }),
        AllocationSolver.BranchAndBoundWithin(new() { Nodes = 1 }),
        AllocationSolver.BranchAndBoundWithin(new() { Nodes = 400 }),
    ];

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Solve_WithinNarrowLimits_NeverClaimsMoreThanIsTrue(int budgets)
    {
        var random = new Random(Seed);
        TestContext.WriteLine($"seed {Seed}");
        var seen = new Dictionary<AllocationStatus, int>();
        for (int n = 0; n < 300; n++)
        {
            var problem = Problems.RandomSmall(random, budgets);
            var expected = SolverContract.Exhaustive(problem);
            foreach (var solver in cutShort.Where(s => s.WhyNot(problem) is null))
            {
                var (allocation, proof) = solver.Solve(problem);
                string where = $"{solver.Name}, problem {n}, {proof.Status}";
                seen[proof.Status] = seen.GetValueOrDefault(proof.Status) + 1;
                switch (proof.Status)
                {
                    case AllocationStatus.Optimal:
                        Assert.IsTrue(proof.Damage <= expected!.Damage + proof.Tolerance, where);
                        break;
                    case AllocationStatus.Feasible:
                        Assert.IsTrue(allocation!.KeepsBudgets, where);
                        Assert.IsTrue(proof.LowerBound <= expected!.Damage, where);
                        Assert.AreEqual(proof.Damage - proof.LowerBound, proof.AbsoluteGap, where);
                        break;
                    case AllocationStatus.Infeasible:
                        Assert.IsNull(expected, where);
                        break;
                    default:
                        Assert.IsTrue(expected is null || proof.LowerBound <= expected.Damage, where);
                        StringAssert.Contains(Assert.ThrowsException<InfeasibleBudgetException>(() => solver.Solve(problem).Require()).Message, "Raise the limit");
                        break;
                }
            }
        }
        TestContext.WriteLine(string.Join(", ", seen.Select(s => $"{s.Value} {s.Key}")));
        Assert.IsTrue(seen.GetValueOrDefault(AllocationStatus.Feasible) > 20, "the limits are too wide to test anything");
    }

    [TestMethod]
    public void Solve_DamageProportionalToSizesWithoutCommonUnit_AnswersWithATrueGapInBoundedTime()
    {
        // Subset sum: every state has the same bound, so nothing can be pruned until the budget is filled exactly.
        var random = new Random(Seed);
        var items = Enumerable.Range(0, 48).Select(i =>
        {
            long parameters = random.NextInt64(1_000_000_000, 1_500_000_000);
            return new AllocationItem($"layer {i}", [.. Enumerable.Range(2, 7).Select(bits => new Choice(bits, -(double)(parameters * bits), [parameters * bits]))]);
        }).ToArray();
        var problem = new AllocationProblem(items, [new Budget("size", "bits", items.Sum(i => i.Choices[2].Sizes[0]) + 12_345)]);
        foreach (var solver in new[] { AllocationSolver.DynamicProgrammingWithin(5_000), AllocationSolver.BranchAndBoundWithin(new() { Width = 5_000 }) })
        {
            var proof = solver.Solve(problem).Proof;
            // No allocation can be better than filling the budget to the last bit.
            Assert.IsTrue(proof.LowerBound >= -problem.Budgets[0].Limit * (1 + 1e-15), solver.Name);
            Assert.IsTrue(proof.Damage >= proof.LowerBound, solver.Name);
            Assert.IsTrue(proof.RelativeGap < 1e-4, $"{solver.Name}: {proof}");
            TestContext.WriteLine($"{solver.Name}: {proof}");
        }
    }

    [TestMethod]
    public void Solve_CancelledOnTheWay_StopsSoon()
    {
        // The subset sum of above with three unrelated budgets and the full width would run for many seconds.
        var random = new Random(Seed);
        var items = Enumerable.Range(0, 60).Select(i => new AllocationItem($"layer {i}", [.. Enumerable.Range(2, 7).Select(bits =>
        {
            long[] sizes = [random.NextInt64(1_000_000_000), random.NextInt64(1_000_000_000), random.NextInt64(1_000_000_000)];
            return new Choice(bits, -sizes.Sum(), sizes);
        })])).ToArray();
        var problem = new AllocationProblem(items, Enumerable.Range(0, 3).Select(b => new Budget($"budget {b}", "units", items.Sum(i => (long)i.Choices.Average(c => c.Sizes[b])))));
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        long start = Stopwatch.GetTimestamp();
        Assert.ThrowsException<OperationCanceledException>(() => AllocationSolver.BranchAndBound.Solve(problem, cancel.Token));
        Assert.IsTrue(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3), $"took {Stopwatch.GetElapsedTime(start)}");

        var limited = AllocationSolver.BranchAndBoundWithin(new() { Time = TimeSpan.FromMilliseconds(200) });
        start = Stopwatch.GetTimestamp();
        Assert.AreNotEqual(AllocationStatus.Optimal, limited.Solve(problem).Proof.Status);
        Assert.IsTrue(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3), $"took {Stopwatch.GetElapsedTime(start)}");
    }

    [TestMethod]
    public void Solve_SecondBudgetThatRepeatsTheFirst_GivesTheOneBudgetOptimum()
    {
        // Parallel budgets make the dual degenerate, and dynamic programming knows the answer at full size.
        foreach (int seed in Enumerable.Range(1, 5))
        {
            var one = Problems.Bytes(Problems.Swin([2, 2, 6, 2], 96), 4, new Random(seed));
            var budget = one.Budgets[0];
            var three = new AllocationProblem(
                one.Items.Select(item => item with { Choices = [.. item.Choices.Select(c => c with { Sizes = [c.Sizes[0], 3 * c.Sizes[0] + 1, c.Bits] })] }),
                [budget, new Budget("thrice", "bytes", 3 * budget.Limit + one.Items.Count), new Budget("bits", "bits", 8 * one.Items.Count)]);
            var expected = AllocationSolver.DynamicProgramming.Solve(one).Require();
            var answer = AllocationSolver.BranchAndBound.Solve(three);
            Assert.AreEqual(AllocationStatus.Optimal, answer.Proof.Status);
            CollectionAssert.AreEqual(expected.Choices.ToArray(), answer.Require().Choices.ToArray());
            Assert.AreEqual(0, answer.Proof.Budgets[2].Price);
        }
    }

    [TestMethod]
    public void Limits_NotPositive_AreRefused()
    {
        Assert.ThrowsException<ArgumentException>(() => AllocationSolver.BranchAndBoundWithin(new() { Nodes = 0 }));
        Assert.ThrowsException<ArgumentException>(() => AllocationSolver.BranchAndBoundWithin(new() { Width = 0 }));
        Assert.ThrowsException<ArgumentException>(() => AllocationSolver.BranchAndBoundWithin(new() { Time = TimeSpan.Zero }));
        Assert.ThrowsException<ArgumentOutOfRangeException>(() => AllocationSolver.DynamicProgrammingWithin(1));
    }

    [TestMethod]
    public void Solve_DynamicProgrammingWithTwoBudgets_SaysWhatToUse()
    {
        var problem = new AllocationProblem([Problems.Item("fc1", (4, 1, [1, 1]))], [new Budget("a", "bits", 1), new Budget("b", "bits", 1)]);
        var thrown = Assert.ThrowsException<NotSupportedException>(() => AllocationSolver.DynamicProgramming.Solve(problem));
        Assert.AreEqual("The problem has 2 budgets; dynamic-programming takes exactly one. Use branch-and-bound for several.", thrown.Message);
        Assert.AreSame(AllocationSolver.BranchAndBound, AllocationSolver.For(problem));
    }
}
