using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class ReconstructionTests
{
    static readonly ReconstructionOptions quick = new() { Steps = 30, BatchSize = 12, StepsBetweenLooks = 6, WeightScaleRate = 2e-3, BiasRate = 2e-3, ActivationScaleRate = 2e-3 };

    [TestMethod]
    public void Train_EndToEnd_BringsTheWrittenModelCloserOnSamplesItSaw()
    {
        // One model of random weights says little. All four together come to 0.7 of where they were; with 3-bit activations as well a model this small is noise, and stays there.
        double before = 0, after = 0;
        foreach (int seed in new[] { 1, 2, 3, 4 })
        {
            var (calibration, plan, samples) = Tiny(QuantizationProfile.Cpu, new TinyVit { Seed = seed });
            var trained = Reconstruction.EndToEnd.Train(plan, Task(calibration, samples));
            var seen = samples.Take(Reconstruction.Seen(samples));
            var reference = TinyRuns.Outputs(calibration.Model, seen);
            before += reference.MeanKl(Written(calibration, plan, seen));
            after += reference.MeanKl(Written(calibration, trained.Plan, seen));
            Console.WriteLine($"seed {seed}: {before} to {after} in total; held out {string.Join(", ", trained.Looks.Select(l => l.MeanKl))}");
        }
        Assert.IsTrue(after < 0.9 * before, $"{before} to {after}");
    }

    [TestMethod]
    public void Train_EndToEnd_KeepsIntegersWidthsAndSharedQuantizers()
    {
        var (calibration, plan, samples) = Tiny(QuantizationProfile.Paper, new TinyVit { Qkv = QkvForm.Separate });
        var trained = Reconstruction.EndToEnd.Train(plan, Task(calibration, samples, quick with { WeightScaleRate = 1e-3, BiasRate = 1e-3, ActivationScaleRate = 1e-3 })).Plan;
        Assert.AreNotSame(plan, trained);
        foreach (var (name, layer) in trained.Layers)
        {
            CollectionAssert.AreEqual(plan.Layers[name].Weights.Codes, layer.Weights.Codes, name);
            Assert.AreEqual(plan.Layers[name].Weights.Bits, layer.Weights.Bits, name);
            var (before, after) = ((AffineQuantizer)plan.Layers[name].Input, (AffineQuantizer)layer.Input);
            Assert.AreEqual(before with { Scale = after.Scale }, after, name);
            Assert.IsTrue(after.Scale > 0 && layer.Weights.Scales.All(s => s > 0 && float.IsFinite(s)), name);
        }
        foreach (var sharing in calibration.Structure.Layers.GroupBy(l => l.Input.Name))
            Assert.AreEqual(1, sharing.Select(l => trained.Layers[l.Name].Input).Distinct().Count(), sharing.Key);
        Assert.IsTrue(trained.Layers.Any(l => !l.Value.Input.Equals(plan.Layers[l.Key].Input)));
        Assert.AreNotEqual(plan.Attentions[0].V.Scale, trained.Attentions[0].V.Scale);
    }

    [TestMethod]
    [DataRow(17)]
    [DataRow(13)]
    public void Train_EndToEnd_WritesTheNormsItTrained(int opset)
    {
        var (calibration, plan, samples) = Tiny(QuantizationProfile.Cpu, new TinyVit { Opset = opset });
        IReadOnlyList<LayerNorm> With(double rate)
        {
            var trained = Reconstruction.EndToEnd.Train(plan, Task(calibration, samples, quick with { NormRate = rate })).Plan;
            Assert.AreNotSame(plan, trained);
            ModelFamily.Detect(new PortableExport(trained, WeightContainer.Int8).Apply(calibration.Model), out var written);
            Assert.HasCount(5, written.Norms);
            return written.Norms;
        }
        var (kept, moved) = (With(0), With(1e-3));
        for (int i = 0; i < kept.Count; i++)
        {
            CollectionAssert.AreEqual(calibration.Structure.Norms[i].Gamma.Constant!.ToFloats(), kept[i].Gamma.Constant!.ToFloats());
            CollectionAssert.AreEqual(calibration.Structure.Norms[i].Beta!.Constant!.ToFloats(), kept[i].Beta!.Constant!.ToFloats());
            // No channel is left out, and none has come farther than 30 steps can take it.
            foreach (var (before, after) in kept[i].Gamma.Constant!.ToFloats().Zip(moved[i].Gamma.Constant!.ToFloats()))
                Assert.IsTrue(before != after && Math.Abs(after / before - 1) < .05, $"γ {before} to {after}");
            CollectionAssert.AreNotEqual(kept[i].Beta!.Constant!.ToFloats(), moved[i].Beta!.Constant!.ToFloats());
        }
    }

    [TestMethod]
    [DataRow(QkvForm.Separate)]
    [DataRow(QkvForm.SplitSqueeze)]
    public void Train_MapCodedByATable_TrainsWhatLeadsThere(QkvForm qkv)
    {
        // Where no look at the held-out samples is better, the start is kept; one model in two trains.
        int trainedModels = 0;
        foreach (int seed in new[] { 1, 2, 3, 4 })
        {
            var (calibration, plan, samples) = Tiny(QuantizationProfile.Paper, new TinyVit { Qkv = qkv, Seed = seed }, MapQuantizer.LogSqrt2);
            var trained = Reconstruction.EndToEnd.Train(plan, Task(calibration, samples, quick with { WeightScaleRate = 1e-3, BiasRate = 1e-3, ActivationScaleRate = 1e-3 })).Plan;
            if (ReferenceEquals(plan, trained))
                continue;
            trainedModels++;
            for (int i = 0; i < plan.Attentions.Count; i++)
            {
                Assert.AreNotEqual(plan.Attentions[i].Q, trained.Attentions[i].Q);
                Assert.AreNotEqual(plan.Attentions[i].K, trained.Attentions[i].K);
            }
        }
        Assert.AreNotEqual(0, trainedModels);
    }

    [TestMethod]
    public void Train_StepsMuchTooLong_ReturnsTheStart()
    {
        var (calibration, plan, samples) = Tiny(QuantizationProfile.Cpu);
        var trained = Reconstruction.EndToEnd.Train(plan, Task(calibration, samples, quick with { WeightScaleRate = 2, BiasRate = 20, Patience = 2 }));
        Assert.AreSame(plan, trained.Plan);
        // The start, and two looks that were not better.
        Assert.HasCount(3, trained.Looks);
    }

    [TestMethod]
    public void Train_HeldOutSamples_AreNeverFartherThanAtTheStart()
    {
        var (calibration, plan, samples) = Tiny(QuantizationProfile.Paper);
        var trained = Reconstruction.EndToEnd.Train(plan, Task(calibration, samples));
        var reference = TinyRuns.Outputs(calibration.Model, samples);
        double HeldOut(QuantizationPlan p)
        {
            var (all, kept) = (Written(calibration, p, samples), samples.Count - Reconstruction.Seen(samples));
            return (reference with { Scores = [.. reference.Scores.TakeLast(kept)] }).MeanKl(all with { Scores = [.. all.Scores.TakeLast(kept)] });
        }
        // What is judged is the twin; the written model differs from it by single roundings.
        Assert.IsTrue(HeldOut(trained.Plan) <= 1.02 * HeldOut(plan), $"{HeldOut(plan)} to {HeldOut(trained.Plan)}");
        Assert.AreEqual(trained.Looks[0].MeanKl, HeldOut(plan), 0.05 * HeldOut(plan));
    }

    [TestMethod]
    public void Train_OneThreadOrTwo_GivesTheSamePlan()
    {
        var (calibration, plan, samples) = Tiny(QuantizationProfile.Paper);
        QuantizationPlan With(int threads) => Reconstruction.EndToEnd.Train(plan,
            Task(calibration, samples, quick with { Steps = 6 }) with { Run = TinyRuns.Settings with { Session = new() { Threads = threads } } }).Plan;
        var (one, two) = (With(1), With(2));
        foreach (string layer in plan.Layers.Keys)
        {
            CollectionAssert.AreEqual(one.Layers[layer].Weights.Scales, two.Layers[layer].Weights.Scales, layer);
            CollectionAssert.AreEqual(one.Layers[layer].Bias, two.Layers[layer].Bias, layer);
            Assert.AreEqual(one.Layers[layer].Input, two.Layers[layer].Input, layer);
        }
    }

    [TestMethod]
    public void Train_Cancelled_Throws()
    {
        var (calibration, plan, samples) = Tiny(QuantizationProfile.Cpu);
        using var cancellation = new CancellationTokenSource();
        var task = Task(calibration, samples) with { Progress = _ => cancellation.Cancel() };
        Assert.Throws<OperationCanceledException>(() => Reconstruction.EndToEnd.Train(plan, task, cancellation.Token));
    }

    [TestMethod]
    public void Train_TooFewSamples_SaysHowManyItNeeds()
    {
        var vit = new TinyVit();
        var (calibration, plan, _) = Tiny(QuantizationProfile.Cpu, vit);
        var message = Assert.ThrowsExactly<ArgumentException>(() => Reconstruction.EndToEnd.Train(plan, Task(calibration, TinyRuns.Samples(vit, 5)))).Message;
        StringAssert.Contains(message, "5 samples");
        StringAssert.Contains(message, $"{Reconstruction.FewestSamples}");
        Assert.AreSame(plan, Reconstruction.None.Train(plan, Task(calibration, TinyRuns.Samples(vit, 5))).Plan);
    }

    [TestMethod]
    public void Validate_AnOptionOutOfRange_NamesIt()
    {
        foreach (var (options, name) in new[]
        {
            (new ReconstructionOptions { Steps = 0 }, "Steps"), (new ReconstructionOptions { BatchSize = 1 }, "BatchSize"), (new ReconstructionOptions { BiasRate = -1 }, "BiasRate"),
            (new ReconstructionOptions { RoundingRate = -1 }, "RoundingRate"), (new ReconstructionOptions { DropRate = 1.1 }, "DropRate"), (new ReconstructionOptions { RoundingStart = double.NaN }, "RoundingStart"),
            (new ReconstructionOptions { StreamShare = double.NaN }, "StreamShare"), (new ReconstructionOptions { Patience = 0 }, "Patience"),
            (new ReconstructionOptions { WeightScaleRate = 0, BiasRate = 0, ActivationScaleRate = 0, NormRate = 0 }, "nothing would be trained"),
        })
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(options.Validate).Message, name);
        new ReconstructionOptions().Validate();
    }

    static ReconstructionTask Task(Calibration calibration, SampleSet samples, ReconstructionOptions? options = null) =>
        new() { Calibration = calibration, Samples = samples, Run = TinyRuns.Settings, Options = options ?? quick };

    static ModelOutputs Written(Calibration calibration, QuantizationPlan plan, SampleSet samples) =>
        TinyRuns.Outputs(new PortableExport(plan, WeightContainer.Int8).Apply(calibration.Model), samples);

    internal static (Calibration Calibration, QuantizationPlan Plan, SampleSet Samples) Tiny(QuantizationProfile profile, TinyVit? vit = null, MapQuantizer? map = null, WeightQuantizer? weights = null)
    {
        vit ??= new TinyVit();
        var samples = TinyRuns.Samples(vit, 40);
        var calibration = TinyRuns.Calibrate(vit, samples);
        var quantizers = calibration.Quantizers(TinyRuns.Options with { Profile = profile, MapQuantizer = map ?? MapQuantizer.Uniform, WeightQuantizer = weights ?? WeightQuantizer.Mse, GeluQuantizer = GeluQuantizer.Uniform, AttentionBits = profile == QuantizationProfile.Paper ? 4 : 8, BitsFor = new Dictionary<string, int>() });
        return (calibration, quantizers.Plan(calibration.Structure.Layers.ToDictionary(l => l.Name, _ => 3)), samples);
    }
}
