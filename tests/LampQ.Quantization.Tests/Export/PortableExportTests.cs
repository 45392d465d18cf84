using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>The written model: valid ONNX, the integers of the plan, the same numbers with and without ONNX Runtime's integer kernels.</summary>
[TestClass]
public sealed class PortableExportTests
{
    /// <summary>Every width once, so that every container type occurs.</summary>
    const int Mixed = 0;

    public static IEnumerable<object[]> Spellings => TinyVitSpellings.All.Select(s => new object[] { s });

    public static IEnumerable<object[]> Combinations =>
        from spelling in new TinyVit[]
        {
            new() { Qkv = QkvForm.Separate, DynamicBatch = true, Opset = 13 }, new() { Linear = LinearForm.GemmTransposed, Opset = 21 }, new() { PatchEmbedding = PatchForm.MatMul, Pool = PoolForm.Mean },
        }
        from container in Enum.GetValues<WeightContainer>()
        from profile in Enum.GetValues<QuantizationProfile>()
        from bits in new[] { 8, Mixed }
        select new object[] { spelling, container, profile, bits };

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Apply_AnySpelling_WritesAModelThatOnnxRuntimeRunsAlikeWithAndWithoutItsKernels(TinyVit spelling) =>
        CheckWritten(spelling, WeightContainer.Int8, QuantizationProfile.Cpu, 8);

    [TestMethod]
    [DynamicData(nameof(Combinations))]
    public void Apply_AnyContainerProfileAndWidth_StoresThePlansIntegersAndRunsAlikeWithAndWithoutKernels(TinyVit spelling, WeightContainer container, QuantizationProfile profile, int bits)
    {
        var (calibration, plan, written) = CheckWritten(spelling, container, profile, bits);
        CheckStored(calibration, plan, written, container);
    }

    static (Calibration, QuantizationPlan, Model) CheckWritten(TinyVit spelling, WeightContainer container, QuantizationProfile profile, int bits)
    {
        var (calibration, plan, written) = Write(spelling, container, profile, bits);
        var samples = calibration.Samples;

        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(written)));
        CollectionAssert.AreEquivalent(new[] { "" }, written.Graph.Nodes.Select(n => n.Domain).Distinct().ToArray());
        CollectionAssert.AreEqual(new[] { TinyVit.InputName }, written.Graph.Inputs.Select(i => i.Name).ToArray());
        CollectionAssert.AreEqual(new[] { TinyVit.OutputName }, written.Graph.Outputs.Select(o => o.Name).ToArray());
        var asWritten = TinyRuns.Outputs(written, samples, TinyRuns.AsWritten);
        // Both ways compute with the same codes until float sums in another order (some 50·2⁻²⁴) put one value on the other side of a border
        // between two codes: then one of a layer's 16 or 32 inputs is off by one step, 1/255 of its range at 8 bits, 1/7 at 3.
        int narrowest = profile == QuantizationProfile.Paper ? plan.Layers.Values.Min(l => l.Input.Bits) : 8;
        double difference = TinyRuns.Difference(asWritten, TinyRuns.Outputs(written, samples));
        Assert.IsTrue(difference <= 1.0 / ((1 << narrowest) - 1), $"Kernels move logits by {difference:E2} of their spread");
        if (bits == 8)
        {
            // 8 bits everywhere round each value by 1/510 of its range at most; some dozen roundings in a row of random sign stay below 4 %.
            double cost = TinyRuns.Difference(TinyRuns.Outputs(spelling.Build(), samples), asWritten);
            Assert.IsTrue(cost < .04, $"8 bits move logits by {cost:E2} of their spread");
        }
        return (calibration, plan, written);
    }

    static void CheckStored(Calibration calibration, QuantizationPlan plan, Model written, WeightContainer container)
    {
        foreach (var layer in calibration.Structure.Layers)
        {
            var weights = plan.Layers[layer.Name].Weights;
            var stored = written.Graph.Find($"{layer.Name}.weight_quantized")!.Initializer!;
            var expected = weights.Bits == 8 ? ElementType.UInt8 : weights.Bits <= 4 && container == WeightContainer.Int4 ? ElementType.Int4 : ElementType.Int8;
            Assert.AreEqual(expected, stored.Type, layer.Name);
            long zero = weights.Bits == 8 ? 128 : 0;
            var zeroPoints = written.Graph.Find($"{layer.Name}.weight_zero_point")!.Initializer!;
            Assert.AreEqual(expected, zeroPoints.Type);
            CollectionAssert.AreEqual((weights.ZeroPoints ?? new sbyte[weights.Rows]).Select(z => z + zero).ToArray(), zeroPoints.ToIntegers(), layer.Name);
            long[] codes = [.. stored.ToIntegers().Select(c => c - zero)];
            Assert.IsTrue(codes.All(c => c >= -(1 << (weights.Bits - 1)) && c < 1 << (weights.Bits - 1)), $"{layer.Name} leaves the range of {weights.Bits} bits");
            // A Conv's [N, ..] and scales along axis 0 mean a row an output channel, scales along axis 1 a column.
            bool rowPerOutput = stored.Shape[0] == weights.Rows && (stored.Shape.Count == 4 || written.Graph.Find($"{layer.Name}.weight_quantized")!.Uses[0].Node.Int("axis") == 0);
            for (int n = 0; n < weights.Rows; n++)
                for (int k = 0; k < weights.Columns; k++)
                    Assert.AreEqual(weights.Codes[n * weights.Columns + k], codes[rowPerOutput ? n * weights.Columns + k : k * weights.Rows + n], $"{layer.Name} [{n}, {k}]");
            CollectionAssert.AreEqual(weights.Scales, written.Graph.Find($"{layer.Name}.weight_scale")!.Initializer!.ToFloats());
        }
    }

    [TestMethod]
    public void Apply_TwoProfiles_NarrowInputsOnlyInThePapers()
    {
        foreach (var profile in Enum.GetValues<QuantizationProfile>())
        {
            var (calibration, plan, written) = Write(new(), WeightContainer.Int8, profile, 4);
            foreach (var layer in calibration.Structure.Layers)
            {
                // The image is never narrowed.
                bool isNarrow = profile == QuantizationProfile.Paper && layer.Type != LayerType.PatchEmbedding;
                Assert.AreEqual(isNarrow ? 4 : 8, plan.Layers[layer.Name].Input.Bits);
                Assert.AreEqual(isNarrow ? 1 : 0, written.Graph.Nodes.Count(n => n.Is("Clip") && n.Output.Name == $"{layer.Name}.input.clipped"), layer.Name);
            }
            Assert.IsTrue(plan.Attentions.All(a => a is { Q.Bits: 8, K.Bits: 8, V.Bits: 8, Map.Quantizer.Bits: 8 }));
        }
    }

    [TestMethod]
    public void Apply_Containers_NeedTheirOpsets()
    {
        Assert.AreEqual(13, Write(new() { Opset = 11 }, WeightContainer.Int8, QuantizationProfile.Cpu, 4).Written.Opset);
        Assert.AreEqual(17, Write(new() { Opset = 17 }, WeightContainer.Int8, QuantizationProfile.Cpu, 4).Written.Opset);
        Assert.AreEqual(21, Write(new() { Opset = 17 }, WeightContainer.Int4, QuantizationProfile.Cpu, 4).Written.Opset);
    }

    [TestMethod]
    public void Apply_TheCalibratedModel_StaysAsItWas()
    {
        var calibration = TinyRuns.Calibrate(new(), TinyRuns.Samples(new()));
        byte[] before = calibration.Model.ToBytes();
        var plan = calibration.Quantizers().Plan(calibration.Structure.Layers.ToDictionary(l => l.Name, _ => 4));
        var first = new PortableExport(plan, WeightContainer.Int8).Apply(calibration.Model);
        var second = new PortableExport(plan, WeightContainer.Int8).Apply(calibration.Model);
        CollectionAssert.AreEqual(before, calibration.Model.ToBytes());
        CollectionAssert.AreEqual(first.ToBytes(), second.ToBytes());
    }

    [TestMethod]
    [DataRow(WeightContainer.Int8)]
    [DataRow(WeightContainer.Int4)]
    public void Apply_AnyWidth_StoresTheContainersBytes(WeightContainer container)
    {
        var sizes = new Dictionary<int, int>();
        for (int bits = 2; bits <= 8; bits++)
        {
            var (calibration, _, written) = Write(new() { Opset = 21 }, container, QuantizationProfile.Cpu, bits);
            sizes[bits] = written.ToBytes().Length;
            foreach (var layer in calibration.Structure.Layers)
            {
                long expected = container == WeightContainer.Int4 && bits <= 4 ? (layer.Parameters + 1) / 2 : layer.Parameters;
                Assert.AreEqual(expected, container.SizeInBytes(layer.Parameters, bits));
                Assert.AreEqual(expected, written.Graph.Find($"{layer.Name}.weight_quantized")!.Initializer!.Bytes.Length, layer.Name);
            }
        }
        Assert.AreEqual(sizes[5], sizes[7]);
        Assert.AreEqual(sizes[2], sizes[4]);
        // 4,944 weights of half a byte less each; the rest of the file is a few kilobytes of names.
        Assert.AreEqual(container == WeightContainer.Int4, sizes[4] + 2400 < sizes[5]);
    }

    [TestMethod]
    public void Apply_LayersOutsideThePlan_StayFloat()
    {
        var calibration = TinyRuns.Calibrate(new(), TinyRuns.Samples(new()));
        var one = calibration.Structure.Layers.Single(l => l.Type == LayerType.Fc1 && l.Block == 1);
        var written = new PortableExport(calibration.Quantizers().Plan(new Dictionary<string, int> { [one.Name] = 4 }), WeightContainer.Int8).Apply(calibration.Model);
        Assert.AreEqual(1, written.Graph.Initializers.Count(v => v.Name.EndsWith(".weight_quantized", StringComparison.Ordinal)));
        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(written)));
        TinyRuns.Outputs(written, calibration.Samples);
    }

    static IReadOnlyDictionary<string, TinyVit> Fused => new Dictionary<string, TinyVit>
    {
        ["fused qkv"] = new(),
        ["separate, dynamic batch"] = new() { Qkv = QkvForm.Separate, DynamicBatch = true },
        ["bias first, decomposed norm"] = new() { Linear = LinearForm.MatMulBiasFirst, Opset = 13 },
        ["Gemm"] = new() { Linear = LinearForm.Gemm },
        ["transposed Gemm"] = new() { Linear = LinearForm.GemmTransposed },
        ["transposed Gemm, dynamic batch"] = new() { Linear = LinearForm.GemmTransposed, DynamicBatch = true },
        ["patches by MatMul"] = new() { PatchEmbedding = PatchForm.MatMul },
        ["scale on both, opset 21"] = new() { Scale = ScaleForm.OnBoth, Opset = 21 },
        ["no qkv bias"] = new() { QkvBias = false },
        ["distilled"] = new() { Distilled = true },
    };

    public static IEnumerable<object[]> FusedCases => Fused.Keys.Select(s => new object[] { s, s == "fused qkv" ? 4 : 8 });

    [TestMethod]
    [DynamicData(nameof(FusedCases))]
    public void Apply_Int8Container_EveryProductRunsOnIntegersInOnnxRuntime(string spelling, int bits)
    {
        var vit = Fused[spelling];
        var (calibration, _, written) = Write(vit, WeightContainer.Int8, QuantizationProfile.Cpu, bits);
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using (new OnnxSession(written, TinyRuns.Settings.Session with { OptimizedModelPath = path })) { }
            var optimized = Model.Read(path).Graph.Nodes;
            int integer = optimized.Count(n => n.Domain == "com.microsoft" && n.OpType is "MatMulIntegerToFloat" or "QGemm");
            string left = string.Join(", ", optimized.Where(n => n.OpType is "MatMul" or "Gemm" or "Conv" or "FusedMatMul" or "FusedGemm" or "FusedConv").Select(n => n.ToString()));
            // Every linear layer, and Q·Kᵀ and A·V of every block.
            Assert.AreEqual(calibration.Structure.Layers.Count + 2 * vit.Depth, integer, $"in float: {left}");
            Assert.AreEqual("", left);
        }
        finally
        {
            File.Delete(path);
        }
    }

    static (Calibration Calibration, QuantizationPlan Plan, Model Written) Write(TinyVit vit, WeightContainer container, QuantizationProfile profile, int bits)
    {
        var calibration = TinyRuns.Calibrate(vit, TinyRuns.Samples(vit), container.MinimumOpset());
        var widths = calibration.Structure.Layers.Select((l, i) => (l.Name, Bits: bits == Mixed ? 2 + i % 7 : bits)).ToDictionary(p => p.Name, p => p.Bits);
        var plan = calibration.Quantizers(TinyRuns.Options with { Profile = profile, AttentionBits = 8, GeluQuantizer = GeluQuantizer.Uniform }).Plan(widths);
        return (calibration, plan, new PortableExport(plan, container).Apply(calibration.Model));
    }
}
