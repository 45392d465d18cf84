namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class InterleavedTimingTests
{
    [TestMethod]
    public void Of_FiveRuns_TakesMedianBestAndQuartiles()
    {
        var timing = Timing.Of([9, 1, 4, 2, 3]);

        Assert.AreEqual(new Timing(3, 1, 2, 5), timing);
    }

    [TestMethod]
    public void Of_TwoRuns_InterpolatesTheMedian() => Assert.AreEqual(1.5, Timing.Of([1, 2]).MedianMs);

    [TestMethod]
    public void Of_NoRun_Throws() => Assert.ThrowsExactly<ArgumentException>(() => Timing.Of([]));

    [TestMethod]
    public void Measure_TwoEngines_TakeTurnsForwardsAndBackwards()
    {
        var order = new List<string>();
        var options = new TimingOptions { FewestRounds = 2, MostRounds = 2 };

        InterleavedTiming.Measure([() => Visit("a"), () => Visit("b")], options);

        CollectionAssert.AreEqual(new[] { "a", "b", "b", "a" }, order);
        IEnumerable<double> Visit(string name)
        {
            order.Add(name);
            return [1];
        }
    }

    [TestMethod]
    public void Measure_Actions_RunWarmUpsThatAreNotTimed()
    {
        int runs = 0;

        var timings = InterleavedTiming.Measure([() => runs++], new TimingOptions { LongestWarmUpSeconds = 0, WarmUp = 2, RunsPerVisit = 3, FewestRounds = 4, MostRounds = 4 });

        Assert.AreEqual(2 + 4 * (2 + 3), runs);
        Assert.AreEqual(4 * 3, timings[0].Runs);
    }

    [TestMethod]
    public void Measure_ASlowEngine_TakesLongerThanAFastOne()
    {
        var timings = InterleavedTiming.Measure([() => Thread.Sleep(5), () => { }], new TimingOptions { MostRounds = 3 });

        Assert.IsTrue(timings[0].BestMs >= 4.5, $"{timings[0].BestMs} ms for a sleep of 5 ms");
        Assert.IsTrue(timings[1].MedianMs < timings[0].MedianMs);
    }

    [TestMethod]
    public void Measure_Cancelled_Stops()
    {
        using var source = new CancellationTokenSource();
        int runs = 0;

        Assert.ThrowsExactly<OperationCanceledException>(() => InterleavedTiming.Measure([() => Cancel()], new TimingOptions { MostRounds = 1000 }, source.Token));

        Assert.AreEqual(3, runs);
        void Cancel()
        {
            if (++runs == 3)
                source.Cancel();
        }
    }
}
