using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Solver;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class MeasuredChoiceTests
{
    [TestMethod]
    [DataRow(true, 1)]
    [DataRow(false, 1)]
    // More at once than are held back.
    [DataRow(true, 16)]
    public void Of_AnAllocationAndTheUniformOne_TakesTheOneCloserOnSamplesItDidNotSee(bool startsBadly, int batch)
    {
        var vit = new TinyVit { DynamicBatch = batch > 1 };
        var run = TinyRuns.Settings with { BatchSize = batch };
        var samples = TinyRuns.Samples(vit, 20);
        var calibration = TinyRuns.Calibrate(vit, samples);
        var options = TinyRuns.Options;
        var quantizers = calibration.Quantizers(options);
        AllocationGroup[] groups = [.. calibration.Structure.Layers.Where(l => quantizers.FixedBits(l) is null).GroupBy(l => l.Group).Select(g => new AllocationGroup(g.Key, [.. g]))];
        // Damages that are the wrong way round make an allocation that is much worse than the same width everywhere; a budget of nearly 8 bits one that is better.
        var profile = new SensitivityProfile("", [.. groups.Select((g, i) => new GroupSensitivity(g.Name, 0, options.Bits.ToDictionary(b => b, b => startsBadly ? (i % 2 == 0 ? b - 1.0 : 8.0 - b) : ErrorRatios.Relative(b))))]);
        var problem = Formulation.OfTargetBits(groups, profile, options.Bits, startsBadly ? 5 : 6.9);
        var allocation = AllocationSolver.DynamicProgramming.Solve(problem).Require();
        using var session = new OnnxSession(calibration.Model, TinyRuns.Settings.Session);
        var choice = new MeasuredChoice(new Export(calibration, quantizers, groups, WeightContainer.Int8, options), new SequentialCompensation
        {
            Calibration = calibration,
            Samples = samples,
            Method = ErrorCompensation.RidgeGptq,
            Quantizer = WeightQuantizer.Mse,
            Run = run,
        }, session, run);

        var (bits, plan, kl) = choice.Of(allocation, default);

        Assert.HasCount(2, kl);
        Assert.AreEqual(startsBadly, kl[1] < kl[0]);
        foreach (var group in groups)
        {
            Assert.AreEqual(startsBadly ? 5 : allocation.BitsByName()[group.Name], bits[group.Name]);
            Assert.IsTrue(group.Layers.All(l => plan.Layers[l.Name].Weights.Bits == bits[group.Name]));
        }
    }
}
