using LampQ.Solver;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>A budget of milliseconds, on kernels that are timed as the test runs: what is asserted holds whatever they take.</summary>
[TestClass]
public sealed class MeasuredLatencyTests
{
    [TestMethod]
    public void Limit_AnyAllocation_CountsThePredictedTimeOfTheWholeModel()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var calibration = TinyRuns.Calibrate(vit, samples);
        AllocationGroup[] groups = [.. calibration.Structure.Layers.Where(l => l.Block >= 0).GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))];
        int[] widths = [2, 4, 8];
        var widest = new ModelQuantizer(TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 8 }).Quantize(vit.Build(), samples).Model;
        var latency = MeasuredLatency.Of(calibration, groups, widths, widest, TinyRuns.Settings);
        var profile = new SensitivityProfile("", [.. groups.Select(g => new GroupSensitivity(g.Name, 0, widths.ToDictionary(b => b, _ => 0.0)))]);

        var problem = latency.Limit(Formulation.OfTargetBits(groups, profile, widths, 8), groups, 1.5);

        Assert.AreEqual((2, "latency", 1_500_000L), (problem.Budgets.Count, problem.Budgets[1].Name, problem.Budgets[1].Limit));
        var random = new Random(3);
        for (int trial = 0; trial < 5; trial++)
        {
            var allocation = new BitAllocation(problem, groups.Select(_ => random.Next(widths.Length)));
            Assert.AreEqual(latency.MillisecondsOf(allocation.BitsByName()) * 1e6, allocation.Totals[1], 0.5);
        }
        Assert.IsTrue(latency.MillisecondsOf(groups.ToDictionary(g => g.Name, _ => 8)) > 0);
    }

    [TestMethod]
    public void Quantize_LatencyBudgetAboveAll_IsKeptTogetherWithTheAverageAndSaysItsPrediction()
    {
        var result = Run(TinyRuns.Options with { MaxLatencyInMilliseconds = 60_000, TargetBits = 4 });
        Assert.IsTrue(result.PredictedMilliseconds is > 0 and < 60_000);
        Assert.IsTrue(result.AverageBits <= 4);
        Assert.AreEqual(2, result.Answer!.Require().Problem.Budgets.Count);
    }

    [TestMethod]
    public void Quantize_LatencyBudgetBelowTheReachable_ThrowsNamingTheSmallest()
    {
        var e = Assert.ThrowsExactly<InfeasibleBudgetException>(() => Run(TinyRuns.Options with { MaxLatencyInMilliseconds = 1e-6 }));
        Assert.AreEqual("latency", e.Proof.Certificate!.Violated.Name);
        Assert.IsTrue(e.Proof.Certificate.SmallestTotal > 1);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(double.NaN)]
    public void Validate_LatencyThatIsNone_Throws(double milliseconds) =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new QuantizationOptions { MaxLatencyInMilliseconds = milliseconds }.Validate()).Message, "MaxLatencyInMilliseconds");

    static QuantizationResult Run(QuantizationOptions options)
    {
        var vit = new TinyVit();
        return new ModelQuantizer(options).Quantize(vit.Build(), TinyRuns.Samples(vit));
    }
}
