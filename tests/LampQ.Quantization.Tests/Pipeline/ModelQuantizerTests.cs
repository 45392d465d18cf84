using System.Globalization;
using LampQ.Onnx;
using LampQ.Solver;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>The whole route on models of a few thousand weights.</summary>
[TestClass]
public sealed class ModelQuantizerTests
{
    public static IEnumerable<object[]> Combinations =>
        from method in Enum.GetValues<AllocationMethod>()
        from profile in Enum.GetValues<QuantizationProfile>()
        from container in Enum.GetValues<WeightContainer>()
        select new object[] { method, profile, container };

    [TestMethod]
    [DynamicData(nameof(Combinations))]
    public void Quantize_AnyMethodProfileAndContainer_GivesAValidModelWithinTheBudget(AllocationMethod method, QuantizationProfile profile, WeightContainer container)
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var options = TinyRuns.Options with { Method = method, Profile = profile, Container = container, TargetBits = 4.3, UniformBits = 5 };
        var model = vit.Build();
        byte[] before = model.ToBytes();

        var result = new ModelQuantizer(options).Quantize(model, samples);

        CollectionAssert.AreEqual(before, model.ToBytes());
        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(result.Model)));
        Assert.IsTrue(TinyRuns.Outputs(result.Model, samples).Scores.All(s => s.All(float.IsFinite)));
        Assert.AreEqual(result.Model.ToBytes().LongLength, result.SizeInBytes);
        Assert.AreEqual(vit.LayerCount, result.Layers.Count);
        var inner = result.Layers.Where(l => l.Type is not (LayerType.PatchEmbedding or LayerType.Head)).ToArray();
        Assert.IsTrue(result.Layers.Except(inner).All(l => l.Bits == 8 && l.Sensitivity is null));
        double average = (double)inner.Sum(l => l.Bits * l.Parameters) / inner.Sum(l => l.Parameters);
        Assert.AreEqual(average, result.AverageBits, 1e-12);
        if (method == AllocationMethod.Uniform)
            Assert.IsTrue(inner.All(l => l.Bits == 5));
        else
        {
            Assert.IsTrue(average <= 4.3 + 1e-9, $"{average}");
            // Any allocation that leaves a whole bit of the smallest layer unused could be improved, for damage falls with bits.
            Assert.IsTrue(average > 4.3 - 1, $"{average}");
            Assert.IsNotNull(result.Answer);
            Assert.IsTrue(inner.All(l => l.Sensitivity > 0));
        }
    }

    [TestMethod]
    public void Quantize_WithReconstruction_KeepsTheIntegersAndSaysWhatItDid()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit, 32);
        var options = TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 3, Effort = QuantizationEffort.Best, Training = new() { Steps = 20, BatchSize = 8, StepsBetweenLooks = 5, WeightScaleRate = 3e-3, BiasRate = 3e-3 } };
        var trained = new ModelQuantizer(options).Quantize(vit.Build(), samples);
        var compensated = new ModelQuantizer(options with { Reconstruction = Reconstruction.None }).Quantize(vit.Build(), samples);

        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(trained.Model)));
        Assert.AreEqual("end-to-end", trained.Model.Metadata["lampq.reconstruction"]);
        Assert.AreEqual("none", compensated.Model.Metadata["lampq.reconstruction"]);
        Assert.IsTrue(trained.Notes.Any(n => n.StartsWith("Training (end-to-end) took", StringComparison.Ordinal)), string.Join("; ", trained.Notes));
        CollectionAssert.AreEqual(compensated.Layers.Select(l => l.Bits).ToArray(), trained.Layers.Select(l => l.Bits).ToArray());
        int different = 0;
        foreach (var weight in compensated.Model.Graph.Initializers.Where(v => v.Name.EndsWith("weight_quantized", StringComparison.Ordinal)))
            CollectionAssert.AreEqual(weight.Initializer!.Bytes.ToArray(), trained.Model.Graph.Find(weight.Name)!.Initializer!.Bytes.ToArray(), weight.Name);
        foreach (var scale in compensated.Model.Graph.Initializers.Where(v => v.Name.EndsWith("weight_scale", StringComparison.Ordinal)))
            different += scale.Initializer!.ToFloats().Zip(trained.Model.Graph.Find(scale.Name)!.Initializer!.ToFloats(), (a, b) => a == b ? 0 : 1).Sum();
        Assert.IsTrue(different > 0);
    }

    [TestMethod]
    public void Quantize_WithBlockReconstruction_KeepsWidthsAndSaysHowFarItIs()
    {
        var vit = new TinyVit();
        var told = new List<string>();
        var options = TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 3, Reconstruction = Reconstruction.Block, Training = new() { Steps = 4, StepsBetweenLooks = 2 } };
        var result = new ModelQuantizer(options, new Words(told)).Quantize(vit.Build(), TinyRuns.Samples(vit, 16));
        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(result.Model)));
        Assert.AreEqual("block", result.Model.Metadata["lampq.reconstruction"]);
        Assert.AreEqual(3, result.AverageBits);
        Assert.IsTrue(result.Notes.Any(n => n.StartsWith("Training (block) took", StringComparison.Ordinal)), string.Join("; ", result.Notes));
        Assert.IsTrue(told.Any(t => t.Contains("block 2 of 5, 2 of 4 steps, held-out error")), string.Join(Environment.NewLine, told));
    }

    [TestMethod]
    public void Quantize_BestWithTooFewSamples_SaysThatNothingWasTrained()
    {
        var vit = new TinyVit();
        var options = TinyRuns.Options with { Method = AllocationMethod.Uniform, Effort = QuantizationEffort.Best };
        var result = new ModelQuantizer(options).Quantize(vit.Build(), TinyRuns.Samples(vit, 3));
        Assert.IsTrue(result.Notes.Any(n => n.Contains("3 samples are too few")), string.Join("; ", result.Notes));
        Assert.AreEqual("none", result.Model.Metadata["lampq.reconstruction"]);
    }

    [TestMethod]
    public void Quantize_BestWithAnOperatorWithoutBackwardRule_SaysThatNothingWasTrained()
    {
        var vit = new TinyVit();
        var model = vit.Build();
        var scores = model.Graph.Outputs[0];
        var raised = model.Graph.Emit("Selu", [scores], "raised");
        raised.Type = scores.Type;
        model.Graph.ReplaceOutput(scores, raised);

        var result = new ModelQuantizer(TinyRuns.Options with { Method = AllocationMethod.Uniform, Effort = QuantizationEffort.Best }).Quantize(model, TinyRuns.Samples(vit, 16));

        Assert.IsTrue(result.Notes.Any(n => n.StartsWith("Nothing was trained: ", StringComparison.Ordinal) && n.Contains("Selu", StringComparison.Ordinal)), string.Join("; ", result.Notes));
        Assert.AreEqual("none", result.Model.Metadata["lampq.reconstruction"]);
    }

    [TestMethod]
    public void Quantize_TrainingAskedForWithTooFewSamples_IsRefusedBeforeCalibrating()
    {
        var vit = new TinyVit();
        var said = new List<string>();
        var quantizer = new ModelQuantizer(TinyRuns.Options with { Reconstruction = Reconstruction.EndToEnd }, new Words(said));

        var error = Assert.ThrowsExactly<ArgumentException>(() => quantizer.Quantize(vit.Build(), TinyRuns.Samples(vit, 15)));

        StringAssert.Contains(error.Message, "15 samples");
        StringAssert.Contains(error.Message, "16");
        CollectionAssert.AreEqual(Array.Empty<string>(), said);
    }

    [TestMethod]
    public void Quantize_TrainingAskedForWithAFixedBatch_IsRefusedBeforeCalibrating()
    {
        var vit = new TinyVit { DynamicBatch = true };
        var said = new List<string>();
        var model = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [vit.Build().Graph.Inputs[0].Name] = [4, 3, 8, 8] }).Apply(vit.Build());
        var quantizer = new ModelQuantizer(TinyRuns.Options with { Reconstruction = Reconstruction.EndToEnd }, new Words(said));

        var error = Assert.ThrowsExactly<NotSupportedException>(() => quantizer.Quantize(model, TinyRuns.Samples(vit, 16)));

        StringAssert.Contains(error.Message, "fixed to 4");
        CollectionAssert.AreEqual(Array.Empty<string>(), said);
    }

    [TestMethod]
    [DataRow(QuantizationProfile.Cpu, "mse")]
    [DataRow(QuantizationProfile.Paper, "output-mse")]
    public void Quantize_WithCompensation_IsCloserToTheFloatModelThanWithout(QuantizationProfile profile, string range)
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit, 16);
        var options = TinyRuns.Options with { Profile = profile, AttentionBits = 8, TargetBits = 3, UniformBits = 3, Compensation = ErrorCompensation.RidgeGptq, ActivationRange = ActivationRange.All.Single(r => r.Name == range) };
        double Kl(QuantizationOptions o)
        {
            var result = new ModelQuantizer(o).Quantize(vit.Build(), samples);
            Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(result.Model)));
            Assert.IsTrue(result.AverageBits <= 3);
            return TinyRuns.Outputs(vit.Build(), samples).MeanKl(TinyRuns.Outputs(result.Model, samples));
        }
        double allocated = Kl(options), rounded = Kl(options with { Compensation = ErrorCompensation.None }), uniform = Kl(options with { Method = AllocationMethod.Uniform }), nearest = Kl(options with { Method = AllocationMethod.Uniform, Compensation = ErrorCompensation.None });
        Assert.IsTrue(allocated < 0.7 * rounded, $"{allocated} against {rounded}");
        Assert.IsTrue(uniform < 0.7 * nearest, $"{uniform} against {nearest}");
    }

    [TestMethod]
    public void Quantize_AnyModel_SaysInItsMetadataHowItCameAbout()
    {
        var result = Quantize(new(), TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 3, Profile = QuantizationProfile.Paper, AttentionBits = 7 });
        var metadata = Model.Read(result.Model.ToBytes()).Metadata;
        Assert.AreEqual("uniform", metadata["lampq.method"]);
        Assert.AreEqual("paper", metadata["lampq.profile"]);
        Assert.AreEqual("int8", metadata["lampq.container"]);
        Assert.AreEqual("7", metadata["lampq.attention_bits"]);
        Assert.IsTrue(Version.TryParse(metadata["lampq.version"].Split('-')[0], out _), metadata["lampq.version"]);
        Assert.AreEqual(string.Join(";", result.Layers.Select(l => string.Create(CultureInfo.InvariantCulture, $"{l.Name}={l.Bits}"))), metadata["lampq.bits"]);
    }

    [TestMethod]
    public void Quantize_Uniform_StoresEveryLayerInItsNarrowRange()
    {
        var result = Quantize(new(), TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 3 });
        foreach (var layer in result.Layers)
        {
            var stored = result.Model.Graph.Find($"{layer.Name}.weight_quantized")!.Initializer!;
            long zero = stored.Type == ElementType.UInt8 ? 128 : 0;
            var codes = stored.ToIntegers().Select(c => c - zero).ToArray();
            Assert.IsTrue(codes.Min() >= -(1 << (layer.Bits - 1)) && codes.Max() < 1 << (layer.Bits - 1), layer.Name);
            Assert.IsTrue(codes.Max() - codes.Min() > 1 << (layer.Bits - 2), $"{layer.Name} uses less than half of its {layer.Bits} bits");
        }
    }

    [TestMethod]
    public void Quantize_EightBitsEverywhere_IsCloserThanTwo()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var reference = TinyRuns.Outputs(vit.Build(), samples);
        double Damage(int bits) => reference.MeanKl(TinyRuns.Outputs(Quantize(vit, TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = bits }).Model, samples));
        double eight = Damage(8), four = Damage(4), two = Damage(2);
        Assert.IsTrue(eight < four && four < two, $"{eight} {four} {two}");
        // 2⁻⁸ of a spread of about 2: KL about (0.01)²/2.
        Assert.IsTrue(eight < 1e-3, $"{eight}");
    }

    [TestMethod]
    [DataRow(LinearForm.MatMul)]
    [DataRow(LinearForm.GemmTransposed)]
    public void Quantize_MaxSize_WritesNoLargerFile(LinearForm linear)
    {
        var vit = new TinyVit { Opset = 21, Linear = linear };
        var options = TinyRuns.Options with { RefinementSteps = 0, SensitivityImages = 1 };
        long smallest = Quantize(vit, options with { Method = AllocationMethod.Uniform, UniformBits = 2, Container = WeightContainer.Int4 }).SizeInBytes;
        long largest = Quantize(vit, options with { Method = AllocationMethod.Uniform, UniformBits = 7, Container = WeightContainer.Int4 }).SizeInBytes;
        Assert.IsTrue(largest > smallest + 1000);
        // Behind wider weights a Gemm's bias takes some hundred bytes more, and the budget reserves them for every layer: below that a size that
        // would just do is refused.
        for (int share = linear == LinearForm.MatMul ? 1 : 4; share <= 6; share++)
        {
            long size = smallest + (largest - smallest) * share / 5;
            var result = Quantize(vit, options with { MaxSizeInBytes = size });
            Assert.IsTrue(result.SizeInBytes <= size, $"{result.SizeInBytes} bytes of {size}");
            Assert.AreEqual("int4", result.Model.Metadata["lampq.container"]);
            Assert.IsTrue(result.Notes.Any(n => n.Contains("int4", StringComparison.Ordinal)));
        }
    }

    [TestMethod]
    public void Quantize_AModelOfOneLayer_IsQuantized()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 4);
        var y = model.Graph.AddNode("Gemm", [x, model.Graph.AddInitializer("w", Tensor.Of([.. Enumerable.Range(0, 12).Select(i => (float)i)], 4, 3))], ["y"]).Output;
        (y.Type, y.Shape) = (ElementType.Float, [1, 3]);
        model.Graph.AddOutput(y);
        var samples = SampleSet.FromTensors([4], [[1, 2, 3, 4]]);
        var result = new ModelQuantizer(TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 8 }).Quantize(model, samples);
        Assert.AreEqual(1, result.Layers.Count);
        // 8 bits of both factors: half a step of each, (1/2 + 1/2)/127 of the products.
        Assert.IsTrue(TinyRuns.Difference(TinyRuns.Outputs(model, samples), TinyRuns.Outputs(result.Model, samples)) < .05);
    }

    [TestMethod]
    public void Quantize_BudgetBelowTheSmallestChoices_ThrowsNamingTheMinimum()
    {
        var vit = new TinyVit();
        long parameters = vit.Depth * (3 + 1 + 2 * vit.MlpRatio) * vit.Dim * vit.Dim;
        var bits = Assert.ThrowsExactly<InfeasibleBudgetException>(() => Quantize(vit, TinyRuns.Options with { Bits = [3, 4], TargetBits = 2.5 }));
        StringAssert.Contains(bits.Message, (3 * parameters).ToString("N0", CultureInfo.InvariantCulture));

        var size = Assert.ThrowsExactly<InfeasibleBudgetException>(() => Quantize(vit, TinyRuns.Options with { MaxSizeInBytes = 2000 }));
        Assert.IsTrue(size.Proof.Certificate!.SmallestTotal > 0);
    }

    [TestMethod]
    public void Quantize_BudgetThatCannotBeKept_IsRefusedBeforeSensitivityIsMeasured()
    {
        var said = new List<string>();
        Assert.ThrowsExactly<InfeasibleBudgetException>(() => new ModelQuantizer(TinyRuns.Options with { Bits = [4], TargetBits = 3 }, new Words(said)).Quantize(new TinyVit().Build(), TinyRuns.Samples(new())));
        Assert.IsFalse(said.Any(s => s.Contains("sensitivity", StringComparison.OrdinalIgnoreCase)), string.Join(Environment.NewLine, said));
    }

    [TestMethod]
    public void Quantize_AQuantizedModel_IsRefused()
    {
        var quantized = Quantize(new(), TinyRuns.Options with { Method = AllocationMethod.Uniform }).Model;
        var error = Assert.ThrowsExactly<NotSupportedException>(() => new ModelQuantizer(TinyRuns.Options).Quantize(quantized, TinyRuns.Samples(new())));
        StringAssert.Contains(error.Message, "quantized already");
        StringAssert.Contains(error.Message, "Linear");
    }

    [TestMethod]
    public void Quantize_AModelWithoutLinearLayers_IsRefused()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 4);
        var y = model.Graph.AddNode("Relu", [x], ["y"]).Output;
        (y.Type, y.Shape) = (ElementType.Float, [1, 4]);
        model.Graph.AddOutput(y);
        var error = Assert.ThrowsExactly<NotSupportedException>(() => new ModelQuantizer(TinyRuns.Options).Quantize(model, SampleSet.FromTensors([4], [[1, 2, 3, 4]])));
        StringAssert.Contains(error.Message, "no linear layer");
    }

    [TestMethod]
    public void Quantize_AModelOfTwoInputs_IsRefusedNamingThem()
    {
        var model = new TinyVit().Build();
        model.Graph.AddInput("mask", ElementType.Float, 1);
        var error = Assert.ThrowsExactly<NotSupportedException>(() => new ModelQuantizer(TinyRuns.Options).Quantize(model, TinyRuns.Samples(new())));
        StringAssert.Contains(error.Message, "mask");
        StringAssert.Contains(error.Message, "2 inputs");
    }

    [TestMethod]
    public void Quantize_SamplesOfAnotherShape_AreRefusedNamingBothShapes()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => new ModelQuantizer(TinyRuns.Options).Quantize(new TinyVit().Build(), SampleSet.FromTensors([3, 4, 4], [new float[48]])));
        StringAssert.Contains(error.Message, "[1, 3, 8, 8]");
        StringAssert.Contains(error.Message, "[3, 4, 4]");
    }

    public static IEnumerable<object[]> MetricNames => SensitivityMetric.All.Select(m => new object[] { m.Name });

    [TestMethod]
    [DynamicData(nameof(MetricNames))]
    public void Quantize_AFixedBatch_GivesWhatTheFreeOneDoesOnWholeBatches(string metric)
    {
        var vit = new TinyVit { DynamicBatch = true };
        var options = TinyRuns.Options with { Metric = SensitivityMetric.All.Single(m => m.Name == metric), SensitivityImages = 4 };
        var seven = TinyRuns.Samples(vit, 7);
        foreach (int batch in new[] { 1, 3 })
        {
            var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = batch }).Apply(vit.Build());
            int whole = 7 - 7 % batch;

            var result = new ModelQuantizer(options with { Run = TinyRuns.Settings with { BatchSize = 4 } }).Quantize(model, seven);

            var free = new ModelQuantizer(options with { Run = TinyRuns.Settings with { BatchSize = batch }, SensitivityImages = batch == 3 ? 3 : 4 }).Quantize(vit.Build(), seven.Take(whole));
            CollectionAssert.AreEqual(free.Layers.Select(l => l.Bits).ToArray(), result.Layers.Select(l => l.Bits).ToArray(), $"batch {batch}");
            foreach (var (expected, actual) in free.Layers.Zip(result.Layers))
                // The same sums in another order: some hundred roundings of 2⁻²⁴, squared.
                Assert.AreEqual(expected.Sensitivity ?? 0, actual.Sensitivity ?? 0, 1e-3 * (expected.Sensitivity ?? 0), $"{actual.Name}, batch {batch}");
            Assert.AreEqual(batch == 3, result.Notes.Any(n => n.Contains("6 of 7 samples", StringComparison.Ordinal)));
        }
    }

    [TestMethod]
    public void Quantize_FewerSamplesThanTheFixedBatch_AreRefusedNamingBothNumbers()
    {
        var vit = new TinyVit { DynamicBatch = true };
        var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = 3 }).Apply(vit.Build());
        var error = Assert.ThrowsExactly<ArgumentException>(() => new ModelQuantizer(TinyRuns.Options).Quantize(model, TinyRuns.Samples(vit, 2)));
        StringAssert.Contains(error.Message, "3 samples at once");
        StringAssert.Contains(error.Message, "there are 2");
    }

    [TestMethod]
    public void Quantize_Twice_GivesTheSameBytes()
    {
        var options = TinyRuns.Options with { Seed = 3 };
        CollectionAssert.AreEqual(Quantize(new(), options).Model.ToBytes(), Quantize(new(), options).Model.ToBytes());
    }

    [TestMethod]
    public void Quantize_Cancelled_Stops()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => new ModelQuantizer(TinyRuns.Options).Quantize(new TinyVit().Build(), TinyRuns.Samples(new()), cancelled.Token));
    }

    [TestMethod]
    public void Quantize_CancelledWhileMeasuring_Stops()
    {
        using var source = new CancellationTokenSource();
        var said = new List<string>();
        var progress = new Words(said, text =>
        {
            if (text.Contains("Measuring sensitivity", StringComparison.Ordinal))
                source.Cancel();
        });
        Assert.ThrowsExactly<OperationCanceledException>(() => new ModelQuantizer(TinyRuns.Options, progress).Quantize(new TinyVit().Build(), TinyRuns.Samples(new()), source.Token));
        Assert.IsFalse(said.Any(s => s.Contains("Solving", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Quantize_OptionsOutOfRange_AreRefusedBeforeAnythingRuns() =>
        Assert.ThrowsExactly<ArgumentException>(() => new ModelQuantizer(TinyRuns.Options with { TargetBits = 9 }).Quantize(new TinyVit().Build(), TinyRuns.Samples(new())));

    [TestMethod]
    public void Quantize_FusedAndSeparateSpellings_GetTheSameBits()
    {
        var fused = Quantize(new() { DynamicBatch = true }, TinyRuns.Options);
        var separate = Quantize(new() { DynamicBatch = true, Qkv = QkvForm.Separate }, TinyRuns.Options);
        int[] Bits(QuantizationResult result) => [.. result.Layers.Where(l => l.Type is not (LayerType.Q or LayerType.K)).Select(l => l.Bits)];
        CollectionAssert.AreEqual(Bits(fused), Bits(separate));
        foreach (var block in separate.Layers.Where(l => l.Type is LayerType.Q or LayerType.K or LayerType.V).Chunk(3))
            Assert.AreEqual(1, block.Select(l => l.Bits).Distinct().Count(), string.Join(", ", block.Select(l => l.Name)));
        Assert.IsTrue(Bits(fused).Distinct().Count() > 2, "All layers got the same; the case shows nothing.");
    }

    [TestMethod]
    [DataRow(QkvForm.Separate)]
    [DataRow(QkvForm.HeadsFirst)]
    public void Quantize_NoBiasBehindQkvAndNarrowAttention_MovesValuesBehindMovedNorms(QkvForm qkv)
    {
        // The norm's transformation adds the bias, and V bears another name from then on.
        var vit = new TinyVit { QkvBias = false, Qkv = qkv };
        var result = Quantize(vit, TinyRuns.Options with { Profile = QuantizationProfile.Paper });
        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(result.Model)));
    }

    [TestMethod]
    public void Quantize_AttentionNarrowerThanLayers_MovesValuesForItsOwnWidth()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var levels = EquivalentTransformation.ValueReparameterization;
        float[] Proj(int bits, int? attentionBits)
        {
            var calibration = Calibration.Of(TinyRuns.Prepared(vit.Build()), samples, TinyRuns.Settings, default, [levels], bits, attentionBits);
            return calibration.Structure.Layers.First(l => l.Type == LayerType.Proj).ReadWeight();
        }
        CollectionAssert.AreEqual(Proj(3, null), Proj(8, 3));
        CollectionAssert.AreNotEqual(Proj(8, null), Proj(8, 3));

        // What the pipeline hands over.
        var cpu = TinyRuns.Options with { AttentionBits = 3, ScoreTransformation = EquivalentTransformation.ScoreFolding, NormTransformation = null };
        var expected = Calibration.Of(TinyRuns.Prepared(vit.Build()), samples, TinyRuns.Settings, default, EquivalentTransformation.With(null, EquivalentTransformation.ScoreFolding, levels), 8, 3);
        float[] scales = cpu.WeightQuantizer.Quantize(expected.Structure.Layers.First(l => l.Type == LayerType.Proj).ReadWeight(), vit.Dim, 5).Scales;
        var written = Quantize(vit, cpu with { Method = AllocationMethod.Uniform, UniformBits = 5 }).Portable;
        string proj = expected.Structure.Layers.First(l => l.Type == LayerType.Proj).Name;
        CollectionAssert.AreEqual(scales, written.Graph.Find($"{proj}.weight_scale")!.Initializer!.ToFloats());
    }

    [TestMethod]
    public void Quantize_BitsForNothing_IsRefusedNamingIt()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => Quantize(new(), TinyRuns.Options with { BitsFor = new Dictionary<string, int> { ["haed"] = 4 } }));
        StringAssert.Contains(error.Message, "'haed'");
        StringAssert.Contains(error.Message, "head");
    }

    [TestMethod]
    public void Quantize_ABudgetThatHasNothingToChoose_IsRefused()
    {
        var all = Enum.GetValues<LayerType>().ToDictionary(t => t.Word(), _ => 4);
        var error = Assert.ThrowsExactly<ArgumentException>(() => Quantize(new(), TinyRuns.Options with { BitsFor = all, MaxBitOperations = 1_000_000 }));
        StringAssert.Contains(error.Message, "BitsFor");
    }

    [TestMethod]
    public void Quantize_BitsFor_FixLayersByNameBeforeTypeAndKeepThemOutOfTheBudget()
    {
        var plain = Quantize(new(), TinyRuns.Options with { Method = AllocationMethod.Uniform });
        string one = plain.Layers.First(l => l.Type == LayerType.Fc1).Name;
        var result = Quantize(new(), TinyRuns.Options with { TargetBits = 3, BitsFor = new Dictionary<string, int> { [one] = 7, ["fc1"] = 6, ["head"] = 5 } });
        Assert.AreEqual(7, result.Layers.Single(l => l.Name == one).Bits);
        Assert.AreEqual(6, result.Layers.Single(l => l.Type == LayerType.Fc1 && l.Name != one).Bits);
        Assert.AreEqual(5, result.Layers.Single(l => l.Type == LayerType.Head).Bits);
        var free = result.Layers.Where(l => l.Type is not (LayerType.Fc1 or LayerType.Head)).ToArray();
        Assert.IsTrue(free.Sum(l => l.Bits * l.Parameters) <= 3 * free.Sum(l => l.Parameters));
        Assert.IsTrue(free.Any(l => l.Type == LayerType.PatchEmbedding), "Without its entry the patch embedding takes part.");
    }

    [TestMethod]
    public void Quantize_Refinement_EndsNoWorseThanTheSolversAllocation()
    {
        var result = Quantize(new(), TinyRuns.Options with { TargetBits = 3, RefinementSteps = 12 });
        Assert.IsTrue(result.Refinement.Count is > 0 and <= 12);
        double error = result.Refinement[0].Before;
        foreach (var step in result.Refinement)
        {
            Assert.AreEqual(error, step.Before);
            Assert.AreEqual(step.After < step.Before, step.Accepted);
            error = Math.Min(error, step.After);
        }
    }

    [TestMethod]
    [DataRow("kl-damage")]
    [DataRow("fisher-damage")]
    public void Quantize_AMetricThatFollowsRounding_RefinesFirstWhereItsDamagesSay(string metric)
    {
        var result = Quantize(new(), TinyRuns.Options with { Metric = SensitivityMetric.All.Single(m => m.Name == metric), TargetBits = 3, RefinementSteps = 1 });

        var start = result.Answer!.Require();
        double Error(int item) => result.Sensitivity!.Groups[item].Damage[start.BitsOf(item)];
        var items = Enumerable.Range(0, start.Choices.Count).ToArray();
        var best = (from up in items
                    from down in items
                    where up != down && start.BitsOf(up) < 8 && start.BitsOf(down) > 2
                    let gain = Error(up) * (1 - 1 / ErrorRatios.Rho(start.BitsOf(up) + 1))
                    let loss = Error(down) * (ErrorRatios.Rho(start.BitsOf(down)) - 1)
                    where new BitAllocation(start.Problem, [.. items.Select(i => start.Choices[i] + (i == up ? 1 : i == down ? -1 : 0))]).KeepsBudgets
                    orderby gain - loss descending
                    select (start.Problem.Items[up].Name, start.Problem.Items[down].Name)).First();
        Assert.AreEqual(best, (result.Refinement[0].Up, result.Refinement[0].Down));
    }

    [TestMethod]
    public void Quantize_EveryMetricAndWeightQuantizer_RunsThrough()
    {
        foreach (var metric in SensitivityMetric.All)
            foreach (var quantizer in WeightQuantizer.All)
            {
                var result = Quantize(new(), TinyRuns.Options with { Metric = metric, WeightQuantizer = quantizer, Bits = [2, 4, 8] });
                Assert.AreEqual(metric.Name, result.Sensitivity!.Metric);
                Assert.IsTrue(result.AverageBits <= 4);
                Assert.IsTrue(result.Layers.All(l => l.Bits is 2 or 4 or 8));
            }
    }

    static QuantizationResult Quantize(TinyVit vit, QuantizationOptions options) => new ModelQuantizer(options).Quantize(vit.Build(), TinyRuns.Samples(vit));

    /// <summary>Hears progress at once; <see cref="Progress{T}"/> would tell later, on another thread.</summary>
    sealed class Words(List<string> said, Action<string>? hear = null) : IProgress<string>
    {
        public void Report(string value)
        {
            said.Add(value);
            hear?.Invoke(value);
        }
    }
}
