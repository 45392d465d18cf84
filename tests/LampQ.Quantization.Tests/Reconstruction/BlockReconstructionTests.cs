using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class BlockReconstructionTests
{
    // Few steps, so V moves far in each, from farther on and pulled less.
    static readonly ReconstructionOptions quick = new()
    {
        Steps = 24, BatchSize = 12, StepsBetweenLooks = 6, RoundingRate = 0.1, RoundingPull = 1, RoundingStart = 0.3, WeightScaleRate = 1e-3, BiasRate = 1e-3, ActivationScaleRate = 1e-3, NormRate = 3e-4,
    };

    string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("lampq-resume-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow(LinearForm.MatMul)]
    [DataRow(LinearForm.GemmTransposed)]
    public void Train_IntegersThatWereMadeWorse_FindsBetterOnes(LinearForm linear)
    {
        double before = 0, after = 0;
        foreach (int seed in new[] { 1, 2 })
        {
            var (calibration, rounded, samples) = ReconstructionTests.Tiny(QuantizationProfile.Cpu, new TinyVit { Linear = linear, Seed = seed });
            var plan = Worse(calibration, rounded);
            var lastErrors = new Dictionary<int, double>();
            var trained = Reconstruction.Block.Train(plan, Task(calibration, samples, quick with { Steps = 60, StepsBetweenLooks = 10 }) with
            {
                BlockProgress = look => lastErrors[look.Block] = Math.Min(lastErrors.GetValueOrDefault(look.Block, 1), look.Error),
            });
            Console.WriteLine($"seed {seed}: blocks {string.Join(", ", lastErrors.Select(e => $"{e.Key}: {e.Value:F3}"))}; {string.Join(" to ", trained.Looks.Select(l => l.MeanKl))}");
            before += trained.Looks[0].MeanKl;
            after += trained.Looks[^1].MeanKl;
            Assert.IsTrue(lastErrors.Values.Average() < 0.8);
        }
        Assert.IsTrue(after < 0.7 * before, $"{before} to {after}");
    }

    [TestMethod]
    [DataRow(LinearForm.MatMul)]
    [DataRow(LinearForm.GemmTransposed)]
    public void Train_WithZeroPoints_TakesNeighboursWithinEachWidth(LinearForm linear)
    {
        var (calibration, rounded, samples) = ReconstructionTests.Tiny(QuantizationProfile.Cpu, new TinyVit { Linear = linear }, weights: WeightQuantizer.AsymmetricMse);
        var plan = Worse(calibration, rounded);
        // One layer of 8 bits among those of 3.
        string wide = calibration.Structure.Layers.First(l => l.Type == LayerType.Fc1).Name;
        plan = plan with { Layers = plan.Layers.ToDictionary(p => p.Key, p => p.Key == wide ? p.Value with { Weights = WeightQuantizer.AsymmetricMse.Quantize(Layer(calibration, wide).ReadWeight(), Layer(calibration, wide).OutputChannels, 8) } : p.Value) };
        var trained = Reconstruction.Block.Train(plan, Task(calibration, samples)).Plan;
        Assert.AreNotSame(plan, trained);
        int changed = 0;
        foreach (var (name, layer) in trained.Layers)
        {
            var (start, end) = (plan.Layers[name].Weights, layer.Weights);
            Assert.AreEqual(start.Bits, end.Bits, name);
            CollectionAssert.AreEqual(start.ZeroPoints, end.ZeroPoints, name);
            int half = 1 << (end.Bits - 1);
            Assert.IsTrue(end.Codes.All(q => q >= -half && q < half), name);
            var (below, _) = RoundingParameter.Neighbours(start, Layer(calibration, name).ReadWeight());
            float[] steps = end.Steps();
            Assert.IsTrue(steps.Zip(below).All(p => p.First == p.Second || p.First == p.Second + 1) || start.Bits == 8, name);
            int different = start.Codes.Zip(end.Codes).Count(p => p.First != p.Second);
            Assert.IsTrue(start.Bits < 8 || different == 0, name);
            changed += different;
        }
        Assert.IsTrue(trained.Layers.Any(l => l.Value.Weights.ZeroPoints is not null));
        Assert.AreNotEqual(0, changed);
    }

    [TestMethod]
    public void Train_WithoutRounding_KeepsIntegers()
    {
        var (calibration, plan, samples) = ReconstructionTests.Tiny(QuantizationProfile.Cpu);
        var trained = Reconstruction.Block.Train(plan, Task(calibration, samples, quick with { RoundingRate = 0 }));
        foreach (string name in plan.Layers.Keys)
            CollectionAssert.AreEqual(plan.Layers[name].Weights.Codes, trained.Plan.Layers[name].Weights.Codes, name);
        Assert.HasCount(2, trained.Looks);
    }

    [TestMethod]
    public void Train_StepsMuchTooLong_ReturnsTheStart()
    {
        var (calibration, plan, samples) = ReconstructionTests.Tiny(QuantizationProfile.Cpu);
        var looks = new List<BlockLook>();
        var task = Task(calibration, samples, quick with { WeightScaleRate = 2, BiasRate = 20, Patience = 2 }) with { BlockProgress = looks.Add };
        Assert.AreSame(plan, Reconstruction.Block.Train(plan, task).Plan);
        // Of each block the start, and two looks that were not better.
        foreach (var block in looks.GroupBy(l => l.Block))
            Assert.HasCount(3, block);
    }

    [TestMethod]
    public void Train_OneThreadOrTwo_GivesTheSamePlan()
    {
        var (calibration, rounded, samples) = ReconstructionTests.Tiny(QuantizationProfile.Paper);
        var plan = Worse(calibration, rounded);
        QuantizationPlan With(int threads) => Reconstruction.Block.Train(plan, Task(calibration, samples) with { Run = TinyRuns.Settings with { Session = new() { Threads = threads } } }).Plan;
        var one = With(1);
        Assert.AreNotSame(plan, one);
        AssertSame(one, With(2));
    }

    [TestMethod]
    public void Train_WithAndWithoutDropping_GivesOtherIntegers()
    {
        var (calibration, rounded, samples) = ReconstructionTests.Tiny(QuantizationProfile.Cpu);
        var plan = Worse(calibration, rounded);
        var (with, without) = (Reconstruction.Block.Train(plan, Task(calibration, samples)).Plan, Reconstruction.Block.Train(plan, Task(calibration, samples, quick with { DropRate = 0 })).Plan);
        Assert.IsTrue(plan.Layers.Keys.Any(name => !with.Layers[name].Weights.Codes.SequenceEqual(without.Layers[name].Weights.Codes)));
    }

    [TestMethod]
    public void Write_DropsIntoATwin_LetsActivationsPassQuantizersWhereDrawn()
    {
        var (calibration, plan, samples) = ReconstructionTests.Tiny(QuantizationProfile.Paper);
        var twin = new TrainableTwin(calibration, plan);
        string output = calibration.Model.Graph.Outputs[0].Name;
        var drop = new QuantizerDrop();
        using var plain = ModelPart.Of(twin.Model, null, g => [g.Find(output)!], TinyRuns.Settings, twin.Feed());
        var extended = twin.Model.Clone();
        drop.Write(extended.Graph, 1);
        using var dropping = ModelPart.Of(extended, null, g => [g.Find(output)!], TinyRuns.Settings, twin.Feed());
        string[] inputs = [.. extended.Graph.Inputs.Select(i => i.Name)];
        // One behind every quantizer whose scale is trained.
        Assert.AreEqual(twin.Parameters.Count(p => p.Kind == ParameterKind.ActivationScale), drop.Draw(inputs, 0.5, new Random(1)).Count());
        float[] Run(ModelPart part, double rate)
        {
            float[] scores = [];
            part.Run(samples.Tensors(TinyRuns.Settings).First(), drop.Draw(inputs, rate, new Random(1)).Where(_ => part == dropping).ToDictionary(d => d.Input, d => d.Drawn), (_, _, values) => scores = values.ToArray());
            return scores;
        }
        var quantized = Run(plain, 0);
        CollectionAssert.AreEqual(quantized, Run(dropping, 0));
        var (half, all) = (Run(dropping, 0.5), Run(dropping, 1));
        CollectionAssert.AreNotEqual(quantized, half);
        CollectionAssert.AreNotEqual(half, all);
    }

    [TestMethod]
    [DataRow("block")]
    [DataRow("end-to-end")]
    public void Train_StoppedAndResumed_GivesThePlanOfOneRun(string name)
    {
        var (calibration, rounded, samples) = ReconstructionTests.Tiny(QuantizationProfile.Paper);
        var plan = Worse(calibration, rounded);
        var method = Reconstruction.All.Single(r => r.Name == name);
        var whole = method.Train(plan, Task(calibration, samples));
        Assert.AreNotSame(plan, whole.Plan);

        string file = ResumeFile();
        var options = quick with { ResumeFile = file };
        // In the middle of the third block, and behind the third look.
        foreach (var (block, step) in new[] { (2, 6), (3, 12) })
        {
            using var cancellation = new CancellationTokenSource();
            var stopped = Task(calibration, samples, options) with
            {
                BlockProgress = look => { if ((look.Block, look.Step) == (block, step)) cancellation.Cancel(); },
                Progress = look => { if (name != "block" && look.Step == step) cancellation.Cancel(); },
            };
            Assert.Throws<OperationCanceledException>(() => method.Train(plan, stopped, cancellation.Token));
            Assert.IsTrue(File.Exists(file));
        }
        var seen = new List<int>();
        var resumed = method.Train(plan, Task(calibration, samples, options) with { BlockProgress = look => seen.Add(look.Block), Progress = look => seen.Add(look.Step) });
        AssertSame(whole.Plan, resumed.Plan);
        CollectionAssert.AreEqual(whole.Looks.ToArray(), resumed.Looks.ToArray());
        // What was done was not done again.
        Assert.IsFalse(seen.Contains(0) || name == "block" && seen.Contains(2));
        Assert.IsFalse(File.Exists(file));
    }

    [TestMethod]
    public void Train_ResumeFileOfAnotherTraining_IsRefused()
    {
        var (calibration, plan, samples) = ReconstructionTests.Tiny(QuantizationProfile.Cpu);
        string file = ResumeFile();
        var options = quick with { ResumeFile = file };
        using (var cancellation = new CancellationTokenSource())
            Assert.Throws<OperationCanceledException>(() => Reconstruction.EndToEnd.Train(plan, Task(calibration, samples, options) with { Progress = _ => cancellation.Cancel() }, cancellation.Token));
        byte[] kept = File.ReadAllBytes(file);
        foreach (var (method, task) in new[]
        {
            (Reconstruction.Block, Task(calibration, samples, options)),
            (Reconstruction.EndToEnd, Task(calibration, samples, options with { BiasRate = 2e-3 })),
            (Reconstruction.EndToEnd, Task(calibration, samples, options) with { Seed = 1 }),
            (Reconstruction.EndToEnd, Task(calibration, samples.Take(39), options)),
        })
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => method.Train(plan, task)).Message, "another model, plan, set of samples or options");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Reconstruction.EndToEnd.Train(Worse(calibration, plan), Task(calibration, samples, options))).Message, file);
        CollectionAssert.AreEqual(kept, File.ReadAllBytes(file));

        File.WriteAllText(file, "not a training at all, but some text that is long enough for a fingerprint");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Reconstruction.EndToEnd.Train(plan, Task(calibration, samples, options))).Message, "no file of an interrupted training");
    }

    /// <summary>A plan with every third integer below 8 bits moved to the neighbour that lies on the side of the float weight: rounded to the farther side.</summary>
    static QuantizationPlan Worse(Calibration calibration, QuantizationPlan plan) => plan with
    {
        Layers = plan.Layers.ToDictionary(p => p.Key, p =>
        {
            var weights = p.Value.Weights;
            var (below, _) = RoundingParameter.Neighbours(weights, Layer(calibration, p.Key).ReadWeight());
            float[] steps = weights.Steps();
            sbyte[] codes = [.. weights.Codes.Select((q, i) => i % 3 != 0 ? q : (sbyte)(q + (steps[i] > below[i] ? -1 : 1)))];
            return p.Value with { Weights = weights with { Codes = codes } };
        }),
    };

    static QuantizableLayer Layer(Calibration calibration, string name) => calibration.Structure.Layers.Single(l => l.Name == name);

    static void AssertSame(QuantizationPlan expected, QuantizationPlan actual)
    {
        foreach (var (name, layer) in expected.Layers)
        {
            CollectionAssert.AreEqual(layer.Weights.Codes, actual.Layers[name].Weights.Codes, name);
            CollectionAssert.AreEqual(layer.Weights.Scales, actual.Layers[name].Weights.Scales, name);
            CollectionAssert.AreEqual(layer.Bias, actual.Layers[name].Bias, name);
            Assert.AreEqual(layer.Input, actual.Layers[name].Input, name);
        }
        CollectionAssert.AreEqual(expected.Attentions.ToArray(), actual.Attentions.ToArray());
    }

    string ResumeFile() => Path.Combine(folder, "training");

    static ReconstructionTask Task(Calibration calibration, SampleSet samples, ReconstructionOptions? options = null) =>
        new() { Calibration = calibration, Samples = samples, Run = TinyRuns.Settings, Options = options ?? quick };
}
