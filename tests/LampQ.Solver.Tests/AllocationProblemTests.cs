namespace LampQ.Solver.Tests;

/// <summary>What a problem refuses, and that it cannot be changed afterwards.</summary>
[TestClass]
public class AllocationProblemTests
{
    static readonly Budget size = new("size", "bits", 100);
    static readonly AllocationItem fc1 = Problems.Item("fc1", (4, 0.5, [4]), (8, 0.1, [8]));

    [TestMethod]
    public void Constructor_MalformedInput_ThrowsSayingWhatIsWrong()
    {
        Refuses("no item", [], [size]);
        Refuses("no budget", [fc1], []);
        Refuses("Two items are called 'fc1'", [fc1, fc1], [size]);
        Refuses("Two budgets are called 'size'", [Problems.Item("fc1", (4, 0, [1, 1]))], [size, size]);
        Refuses("An item has no name", [Problems.Item(" ", (4, 0, [1]))], [size]);
        Refuses("A budget has no name", [fc1], [new Budget("", "bits", 1)]);
        Refuses("no unit", [fc1], [new Budget("size", "", 1)]);
        Refuses("'fc1' has no choice", [Problems.Item("fc1")], [size]);
        Refuses("offers 4 bits twice", [Problems.Item("fc1", (4, 0, [1]), (4, 1, [1]))], [size]);
        Refuses("has damage NaN at 4 bits", [Problems.Item("fc1", (4, double.NaN, [1]))], [size]);
        Refuses("has damage -Infinity at 4 bits", [Problems.Item("fc1", (4, double.NegativeInfinity, [1]))], [size]);
        Refuses("has 2 sizes at 4 bits; there are 1 budgets", [Problems.Item("fc1", (4, 0, [1, 2]))], [size]);
        Refuses("has size -1 at 4 bits", [Problems.Item("fc1", (4, 0, [-1]))], [size]);
        Refuses("Use a larger unit", [Problems.Item("fc1", (4, 0, [long.MaxValue])), Problems.Item("fc2", (4, 0, [long.MaxValue]))], [size]);

        static void Refuses(string reason, AllocationItem[] items, Budget[] budgets) =>
            StringAssert.Contains(Assert.ThrowsException<ArgumentException>(() => new AllocationProblem(items, budgets), reason).Message, reason);
    }

    [TestMethod]
    public void Constructor_ListsChangedAfterwards_KeepsWhatItWasGiven()
    {
        long[] sizes = [4];
        var choices = new List<Choice> { new(4, 0.5, sizes) };
        var problem = new AllocationProblem([new AllocationItem("fc1", choices)], [size]);
        sizes[0] = 1_000;
        choices.Clear();
        Assert.AreEqual(4, problem.Items[0].Choices[0].Sizes[0]);
    }

    [TestMethod]
    public void DamageOf_HugeAndTinyTerms_KeepsTheTinyOne()
    {
        var problem = new AllocationProblem(
            [Problems.Item("a", (4, 1e17, [0])), Problems.Item("b", (4, 1.5, [0])), Problems.Item("c", (4, -1e17, [0]))], [size]);
        Assert.AreEqual(1.5, problem.DamageOf([0, 0, 0]));
    }

    [TestMethod]
    public void Allocation_OfWrongChoices_Throws()
    {
        var problem = new AllocationProblem([fc1], [size]);
        Assert.ThrowsException<ArgumentException>(() => new BitAllocation(problem, []));
        Assert.ThrowsException<ArgumentException>(() => new BitAllocation(problem, [2]));
        Assert.ThrowsException<ArgumentException>(() => new BitAllocation(problem, [-1]));
    }

    [TestMethod]
    public void Describe_OptimalWithABindingBudget_NamesDamageUseAndPrice()
    {
        // One bit of fc1 is worth (0.5 − 0.1) / 4 = 0.1 damage in the relaxed problem, and 7 bits do not buy the 8-bit choice.
        var answer = AllocationSolver.DynamicProgramming.Solve(new([fc1, Problems.Item("fc2", (4, 2, [0]))], [size with { Limit = 7 }]));
        Assert.AreEqual(
            "Optimal: damage 2.5; no allocation within the budget does less. The size budget binds: 4 of 7 bits; one more unit is worth 0.1 damage (Lagrange multiplier).",
            answer.Proof.Describe());
    }

    /// <summary>A solver that breaks its promises is caught by the seam, not by the caller.</summary>
    [TestMethod]
    public void Solve_SolverThatBreaksItsPromise_ThrowsNamingIt()
    {
        var problem = new AllocationProblem([fc1], [size with { Limit = 5 }]);
        foreach (var outcome in new SearchOutcome[]
        {
            new() { Choices = [1], Proven = true },
            new() { Choices = [0], Proven = false, LowerBound = 0.6 },
            new() { Choices = [0], Proven = true, Prices = [-1] },
            new() { Choices = null, Proven = true },
        })
        {
            var thrown = Assert.ThrowsException<InvalidOperationException>(() => new Broken(outcome).Solve(problem));
            StringAssert.Contains(thrown.Message, "Solver 'broken' returned");
        }
    }

    sealed class Broken(SearchOutcome outcome) : AllocationSolver
    {
        public override string Name => "broken";

        protected override SearchOutcome SolveCore(AllocationProblem problem, CancellationToken cancel) => outcome;
    }
}
