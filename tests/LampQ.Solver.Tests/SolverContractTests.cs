namespace LampQ.Solver.Tests;

/// <summary>What every solver promises, tried on every solver.</summary>
[TestClass]
public class SolverContractTests
{
    const int Seed = 20_260;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow(1, 600)]
    [DataRow(2, 400)]
    [DataRow(3, 200)]
    public void Solve_SmallRandomProblems_AgreesWithExhaustiveSearch(int budgets, int count)
    {
        var random = new Random(Seed + budgets);
        TestContext.WriteLine($"seed {Seed + budgets}");
        int infeasible = 0;
        for (int n = 0; n < count; n++)
        {
            var problem = Problems.RandomSmall(random, budgets);
            var expected = SolverContract.Exhaustive(problem);
            infeasible += expected is null ? 1 : 0;
            foreach (var solver in SolverContract.SolversFor(problem))
            {
                string where = $"{solver.Name}, problem {n}";
                var answer = solver.Solve(problem);
                Assert.AreEqual(expected is not null, answer.HasAllocation, where);
                if (expected is null || answer.Allocation is null)
                {
                    Assert.AreEqual(AllocationStatus.Infeasible, answer.Proof.Status, where);
                    AssertCertificateIsTrue(problem, answer.Proof.Certificate!, where);
                    continue;
                }
                Assert.AreEqual(AllocationStatus.Optimal, answer.Proof.Status, where);
                if (solver.ResolvesTies && answer.Proof.Tolerance == 0)
                    CollectionAssert.AreEqual(expected.Choices.ToArray(), answer.Allocation.Choices.ToArray(), where);
                else
                    Assert.IsTrue(answer.Allocation.Damage <= expected.Damage + answer.Proof.Tolerance, where);
                Assert.IsTrue(answer.Proof.LowerBound <= expected.Damage, where);
                Assert.IsTrue(answer.Allocation.KeepsBudgets, where);
            }
        }
        TestContext.WriteLine($"{count} problems, {infeasible} of them infeasible");
        Assert.IsTrue(infeasible > 0 && infeasible < count / 2, "the generator no longer makes both kinds of problems");
    }

    [TestMethod]
    public void Solve_LimitAroundEverySizeThatOccurs_TakesTheBestThatFits()
    {
        // Sizes 2..8 times 3, 5 and 7: every limit from below the minimum (30) to above the maximum (120) is a boundary of something.
        AllocationItem[] items = [.. new[] { 3, 5, 7 }.Select((p, i) => Problems.Item($"layer {i}",
            [.. Enumerable.Range(2, 7).Select(bits => (bits, p * Math.Pow(3, -bits), new[] { (long)p * bits }))]))];
        for (long limit = 28; limit <= 122; limit++)
        {
            var problem = Problems.InBits(limit, items);
            var expected = SolverContract.Exhaustive(problem);
            foreach (var solver in SolverContract.SolversFor(problem))
                Assert.AreEqual(expected?.Damage, solver.Solve(problem).Allocation?.Damage, $"{solver.Name}, limit {limit}");
        }
    }

    [TestMethod]
    public void Solve_BudgetBelowTheSmallestChoices_IsInfeasibleNamingBothNumbers()
    {
        var problem = Problems.InBits(1_200, Problems.Item("fc1", (4, 0.1, [1_024]), (8, 0, [2_048])), Problems.Item("fc2", (4, 0.1, [3_072]), (8, 0, [6_144])));
        foreach (var solver in SolverContract.SolversFor(problem))
        {
            var answer = solver.Solve(problem);
            Assert.IsFalse(answer.HasAllocation);
            Assert.AreEqual(AllocationStatus.Infeasible, answer.Proof.Status);
            Assert.AreEqual(4_096, answer.Proof.Certificate!.SmallestTotal);
            Assert.AreEqual(double.PositiveInfinity, answer.Proof.LowerBound);
            Assert.AreEqual(
                "The size budget is 1,200 bits, but the smallest choice of every layer already needs 4,096. Raise the budget or offer fewer bits per weight.",
                answer.Proof.Describe());
            var thrown = Assert.ThrowsException<InfeasibleBudgetException>(answer.Require);
            Assert.AreEqual(answer.Proof.Describe(), thrown.Message);
            Assert.AreSame(answer.Proof, thrown.Proof);
        }
    }

    [TestMethod]
    public void Solve_NegativeBudget_IsInfeasibleAndNotAnError()
    {
        var problem = Problems.InBits(-500, Problems.Item("fc1", (4, 0.1, [0])));
        foreach (var solver in SolverContract.SolversFor(problem))
            Assert.AreEqual(0, solver.Solve(problem).Proof.Certificate!.SmallestTotal);
    }

    [TestMethod]
    public void Solve_BudgetsThatExcludeEachOther_NamesTheSmallestTotalThatIsReachableBesideTheOthers()
    {
        // Small is slow: under 40 bytes one layer at most takes 8 bits, so 20 + 5 µs is the fastest; 24 µs cannot be had.
        AllocationItem[] items = [.. Enumerable.Range(0, 2).Select(i => Problems.Item($"layer {i}", (4, 0.5, [10, 20]), (8, 0.1, [30, 5])))];
        var problem = new AllocationProblem(items, [new Budget("size", "bytes", 40), new Budget("latency", "microseconds", 24)]);
        foreach (var solver in SolverContract.SolversFor(problem))
        {
            var certificate = solver.Solve(problem).Proof.Certificate!;
            Assert.AreEqual("latency", certificate.Violated.Name);
            Assert.AreEqual(25, certificate.SmallestTotal);
            Assert.AreEqual("size", certificate.WhileKeeping.Single().Name);
            Assert.AreEqual(
                "The latency budget is 24 microseconds, but no allocation that keeps 40 bytes of size needs less than 25. Raise one of these budgets or offer fewer bits per weight.",
                certificate.Describe());
        }
    }

    [TestMethod]
    public void Solve_EqualDamages_TakesTheSmallerSizeThenMoreBitsForTheEarlierItem()
    {
        // 12 identical layers, room for exactly five of them at 8 bits: any five do the same damage.
        var items = Enumerable.Range(0, 12).Select(i => Problems.Item($"layer {i}", (8, 0.1, [80]), (4, 0.3, [40]), (6, 0.3, [60]))).ToArray();
        var problem = Problems.InBits(12 * 40 + 5 * 40 + 39, items);
        foreach (var solver in SolverContract.SolversFor(problem).Where(s => s.ResolvesTies))
        {
            var allocation = solver.Solve(problem).Require();
            CollectionAssert.AreEqual(new[] { 8, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4, 4 }, Enumerable.Range(0, 12).Select(allocation.BitsOf).ToArray(), solver.Name);
            Assert.AreEqual(12 * 40 + 5 * 40, allocation.Totals[0]);
        }
    }

    [TestMethod]
    public void Solve_MenusInAnotherOrder_GivesTheSameBits()
    {
        var random = new Random(Seed);
        var problem = Problems.SeveralBudgets(Problems.Vit(3, 64), 4, 1, random);
        var shuffled = new AllocationProblem(problem.Items.Select(item => item with { Choices = [.. item.Choices.OrderBy(_ => random.Next())] }), problem.Budgets);
        foreach (var solver in SolverContract.SolversFor(problem))
        {
            var (a, b) = (solver.Solve(problem).Require(), solver.Solve(shuffled).Require());
            CollectionAssert.AreEquivalent(a.BitsByName().ToArray(), b.BitsByName().ToArray(), solver.Name);
        }
    }

    [TestMethod]
    public void Solve_TinyDamagesBesideHugeOnes_StillDecidesTheTinyOnes()
    {
        // In doubles 1e6 + 1e-12 is 1e6: a solver that adds doubles cannot see the second layer. One unit is left to spend there.
        var problem = Problems.InBits(13,
            Problems.Item("huge", (2, 1e6, [10]), (4, 1e6 - 1, [20])),
            Problems.Item("tiny a", (2, 3e-12, [1]), (4, 1e-12, [2])),
            Problems.Item("tiny b", (2, 4e-12, [1]), (4, 1e-12, [2])));
        foreach (var solver in SolverContract.SolversFor(problem).Where(s => s.ResolvesTies))
        {
            var allocation = solver.Solve(problem).Require();
            Assert.AreEqual(2, allocation.BitsOf(1), solver.Name);
            Assert.AreEqual(4, allocation.BitsOf(2), solver.Name);
        }
    }

    [TestMethod]
    public void Solve_BudgetWithRoomForEverything_TakesTheLeastDamageAndBindsNothing()
    {
        var problem = Problems.AverageBits(Problems.Vit(2, 32), 8, new Random(Seed));
        foreach (var solver in SolverContract.SolversFor(problem))
        {
            var answer = solver.Solve(problem);
            Assert.AreEqual(problem.DamageOf([.. problem.Items.Select(LeastDamage)]), answer.Require().Damage);
            Assert.AreEqual(0, answer.Proof.BindingBudgets.Count());
            StringAssert.Contains(answer.Proof.Describe(), "The size budget does not bind");
        }

        static int LeastDamage(AllocationItem item) => item.Choices.Index().MinBy(c => c.Item.Damage).Index;
    }

    [TestMethod]
    public void Solve_PriceOfABindingBudget_BoundsWhatAnyOtherLimitCouldBring()
    {
        // Duality: damage*(limit + u) ≥ L(λ) at that limit = L(λ) at this limit − λ·u, and L at this limit is within the price of one item's step of damage*.
        var random = new Random(Seed);
        var problem = Problems.AverageBits(Problems.Vit(4, 48), 4, random);
        var budget = problem.Budgets[0];
        foreach (var solver in SolverContract.SolversFor(problem))
        {
            var proof = solver.Solve(problem).Proof;
            double price = proof.BindingBudgets.Single().Price;
            // L(λ) from its definition: an oracle that shares nothing with the solver.
            double dual = problem.Items.Sum(item => item.Choices.Min(c => c.Damage + price * c.Sizes[0])) - price * budget.Limit;
            Assert.IsTrue(dual <= proof.Damage!.Value * (1 + 1e-12), solver.Name);
            Assert.IsTrue(dual >= proof.Damage!.Value * 0.97, $"{solver.Name}: the price bounds the damage by {dual} only, far below {proof.Damage}");
            foreach (long more in new[] { -100_000, -1_000, 1_000, 100_000 })
            {
                var other = new AllocationProblem(problem.Items, [budget with { Limit = budget.Limit + more }]);
                Assert.IsTrue(dual - price * more <= solver.Solve(other).Require().Damage * (1 + 1e-12), $"{solver.Name}, {more} more");
            }
        }
    }

    [TestMethod]
    public void Solve_RealShapes_AllSolversFindTheSameAllocation()
    {
        foreach (var problem in new[]
        {
            Problems.AverageBits(Problems.Vit(12, 192), 4, new Random(Seed)),
            Problems.Bytes(Problems.Vit(12, 384), 3, new Random(Seed)),
            Problems.Bytes(Problems.Swin([2, 2, 6, 2], 96), 4, new Random(Seed)),
        })
        {
            var expected = AllocationSolver.DynamicProgramming.Solve(problem);
            Assert.AreEqual(AllocationStatus.Optimal, expected.Proof.Status);
            foreach (var solver in SolverContract.SolversFor(problem))
            {
                var answer = solver.Solve(problem);
                if (solver.ResolvesTies)
                    CollectionAssert.AreEqual(expected.Require().Choices.ToArray(), answer.Require().Choices.ToArray(), solver.Name);
                Assert.IsTrue(answer.Require().Damage <= expected.Require().Damage + answer.Proof.Tolerance, solver.Name);
            }
        }
    }

    [TestMethod]
    public void Solve_CancelledBefore_Throws()
    {
        var problem = Problems.InBits(10, Problems.Item("fc1", (4, 0.1, [1])));
        foreach (var solver in SolverContract.Solvers)
            Assert.ThrowsException<OperationCanceledException>(() => solver.Solve(problem, new CancellationToken(canceled: true)), solver.Name);
    }

    [TestMethod]
    public void Solve_Null_Throws()
    {
        foreach (var solver in SolverContract.Solvers)
            Assert.ThrowsException<ArgumentNullException>(() => solver.Solve(null!), solver.Name);
    }

    [TestMethod]
    public void Names_OfAllSolvers_AreUniqueAndFitForACommandLine()
    {
        CollectionAssert.AllItemsAreUnique(SolverContract.Solvers.Select(s => s.Name).ToArray());
        foreach (var solver in SolverContract.Solvers)
            StringAssert.Matches(solver.Name, new("^[a-z][a-z-]*$"));
        CollectionAssert.IsSubsetOf(new[] { "branch-and-bound", "dynamic-programming" }, AllocationSolver.All.Select(s => s.Name).ToArray());
    }

    /// <summary>The named total is reachable while the other budgets are kept, nothing smaller is, and it is above the limit.</summary>
    static void AssertCertificateIsTrue(AllocationProblem problem, InfeasibilityCertificate certificate, string where)
    {
        int violated = problem.Budgets.ToList().IndexOf(certificate.Violated);
        var kept = certificate.WhileKeeping.Select(b => problem.Budgets.ToList().IndexOf(b)).ToArray();
        long smallest = SolverContract.Everything(problem)
            .Where(a => kept.All(b => a.Totals[b] <= problem.Budgets[b].Limit))
            .Min(a => a.Totals[violated]);
        Assert.AreEqual(smallest, certificate.SmallestTotal, where);
        Assert.IsTrue(smallest > certificate.Violated.Limit, where);
    }
}
