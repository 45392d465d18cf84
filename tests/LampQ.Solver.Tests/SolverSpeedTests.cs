using System.Diagnostics;

namespace LampQ.Solver.Tests;

/// <summary>Speed that the rest relies on, on menus of real models' shapes. Best of several runs, because other work may share the machine.</summary>
[TestClass]
public class SolverSpeedTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void DynamicProgramming_OneBudgetSevenWidths_TakesUnderTenMilliseconds()
    {
        foreach (double average in new[] { 2.5, 4.0, 6.2 })
        {
            Measure($"DeiT-Tiny, bits, {average}", r => Problems.AverageBits(Problems.Vit(12, 192), average, r), AllocationSolver.DynamicProgramming, 10);
            Measure($"DeiT-Small, bytes, {average}", r => Problems.Bytes(Problems.Vit(12, 384), average, r), AllocationSolver.DynamicProgramming, 10);
            Measure($"Swin-Tiny, bytes, {average}", r => Problems.Bytes(Problems.Swin([2, 2, 6, 2], 96), average, r), AllocationSolver.DynamicProgramming, 10);
            Measure($"48 awkward layers, {average}", r => Problems.Awkward(48, average, r), AllocationSolver.DynamicProgramming, 10);
        }
        Measure("Swin-Small (99 layers), bytes, 4", r => Problems.Bytes(Problems.Swin([2, 2, 18, 2], 96), 4, r), AllocationSolver.DynamicProgramming, 50);
    }

    [TestMethod]
    public void BranchAndBound_SeveralBudgetsSevenWidths_TakesWellUnderASecond()
    {
        foreach (double average in new[] { 3.0, 4.0, 6.2 })
        {
            Measure($"DeiT-Small, 1 budget, {average}", r => Problems.SeveralBudgets(Problems.Vit(12, 384), average, 1, r), AllocationSolver.BranchAndBound, 500);
            Measure($"DeiT-Small, 2 budgets, {average}", r => Problems.SeveralBudgets(Problems.Vit(12, 384), average, 2, r), AllocationSolver.BranchAndBound, 500);
            Measure($"DeiT-Small, 3 budgets, {average}", r => Problems.SeveralBudgets(Problems.Vit(12, 384), average, 3, r), AllocationSolver.BranchAndBound, 500);
            Measure($"Swin-Tiny, 3 budgets, {average}", r => Problems.SeveralBudgets(Problems.Swin([2, 2, 6, 2], 96), average, 3, r), AllocationSolver.BranchAndBound, 500);
        }
    }

    /// <summary>Solves five problems of one kind seven times each; the best time of the slowest of the five must be below the bound.</summary>
    void Measure(string name, Func<Random, AllocationProblem> make, AllocationSolver solver, double boundInMilliseconds)
    {
        double slowest = 0;
        long nodes = 0;
        for (int seed = 1; seed <= 5; seed++)
        {
            var problem = make(new Random(seed));
            double best = double.PositiveInfinity;
            for (int run = 0; run < 7; run++)
            {
                long start = Stopwatch.GetTimestamp();
                var answer = solver.Solve(problem);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                Assert.AreEqual(AllocationStatus.Optimal, answer.Proof.Status, name);
                nodes = Math.Max(nodes, answer.Proof.Nodes);
            }
            slowest = Math.Max(slowest, best);
        }
        TestContext.WriteLine($"{solver.Name,-20} {name,-36} {slowest,8:F2} ms, at most {nodes,9:N0} states");
        Assert.IsTrue(slowest < boundInMilliseconds, $"{name}: {slowest:F2} ms, bound {boundInMilliseconds} ms");
    }
}
