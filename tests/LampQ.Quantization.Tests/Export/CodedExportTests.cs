using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>Other than uniform codes in the written model: standard operators, the same numbers in every runtime, and nothing quantized that was not asked for.</summary>
[TestClass]
public sealed class CodedExportTests
{
    static IReadOnlyDictionary<string, TinyVit> Spellings => new Dictionary<string, TinyVit>
    {
        ["MatMul"] = new(),
        ["transposed weights, dynamic batch"] = new() { Weights = WeightForm.Transposed, Qkv = QkvForm.Separate, DynamicBatch = true },
        ["transposed Gemm, opset 13"] = new() { Linear = LinearForm.GemmTransposed, Opset = 13 },
    };

    public static IEnumerable<object[]> Cases =>
        from spelling in Spellings.Keys
        from kinds in new[] { (MapQuantizer.RowAdaLog, GeluQuantizer.AdaLog), (MapQuantizer.Log2, GeluQuantizer.Twin), (MapQuantizer.Twin, GeluQuantizer.Region) }
        from container in Enum.GetValues<WeightContainer>()
        from bits in new[] { 8, 4 }
        select new object[] { spelling, kinds.Item1.Name, kinds.Item2.Name, container, bits };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Quantize_AnyCodes_OnnxRuntimeAndLampQComputeWhatIsWritten(string spelling, string map, string gelu, WeightContainer container, int bits)
    {
        var result = Quantize(Spellings[spelling], map, gelu, TinyRuns.Options with { Container = container, UniformBits = bits });
        Assert.AreEqual("", TinyRuns.Describe(ModelChecker.Check(result.Model)));
        Assert.IsTrue(result.Model.Graph.Nodes.All(n => n.Domain.Length == 0));
        Assert.AreEqual(container.MinimumOpset() == 21 ? 21 : Math.Max(13, Spellings[spelling].Opset), result.Model.Opset);
        Assert.AreEqual((map, gelu), (result.Model.Metadata["lampq.map_quantizer"], result.Model.Metadata["lampq.gelu_quantizer"]));

        var samples = TinyRuns.Samples(Spellings[spelling]);
        var written = TinyRuns.Outputs(result.Model, samples, TinyRuns.AsWritten);
        // As in PortableExportTests: one value on the other side of a border between two codes moves one of a layer's inputs by a step.
        double step = 1.0 / ((1 << bits) - 1);
        Assert.IsTrue(TinyRuns.Difference(written, TinyRuns.Outputs(result.Model, samples)) <= step);
        using var lampq = LampQSession.Load(result.Model);
        Assert.IsTrue(TinyRuns.Difference(written, ModelOutputs.Of(lampq, samples, TinyRuns.Settings)) <= step, lampq.Report.ToString());
        Assert.AreEqual(0, lampq.Report.Left.Count(), string.Join("; ", lampq.Report.Left));
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Quantize_AnyCodes_OnnxRuntimeQuantizesNothingByItself(string spelling, string map, string gelu, WeightContainer container, int bits)
    {
        var vit = Spellings[spelling];
        var result = Quantize(vit, map, gelu, TinyRuns.Options with { Container = container, UniformBits = bits });
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using (new OnnxSession(result.Model, TinyRuns.Settings.Session with { OptimizedModelPath = path })) { }
            var optimized = Model.Read(path).Graph;
            Assert.AreEqual("", string.Join(", ", optimized.Nodes.Where(n => n.OpType is "MatMulNBits" or "DynamicQuantizeMatMul" or "DynamicQuantizeLinear").Select(n => n.OpType)));
            // fc2 and A·V of each block multiply floats; behind an int4 container so do all narrow layers.
            int floats = optimized.Nodes.Count(n => n.OpType is "MatMul" or "Gemm" or "FusedMatMul" or "FusedGemm");
            if (container == WeightContainer.Int8)
                Assert.AreEqual(2 * vit.Depth, floats, string.Join(", ", optimized.Nodes.Select(n => n.OpType)));
            else
                Assert.IsTrue(floats >= 2 * vit.Depth);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Quantize_CodesWithTheOptimizerOff_DifferFromUniformOnes()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var options = TinyRuns.Options with { UniformBits = 4 };
        var uniform = TinyRuns.Outputs(Quantize(vit, "uniform", "uniform", options).Model, samples);
        foreach (var map in MapQuantizer.All.Where(m => m != MapQuantizer.Uniform))
            Assert.IsTrue(TinyRuns.Difference(uniform, TinyRuns.Outputs(Quantize(vit, map.Name, "uniform", options).Model, samples)) > 1e-3, map.Name);
        foreach (var gelu in GeluQuantizer.All.Where(g => g != GeluQuantizer.Uniform))
            Assert.IsTrue(TinyRuns.Difference(uniform, TinyRuns.Outputs(Quantize(vit, "uniform", gelu.Name, options).Model, samples)) > 1e-3, gelu.Name);
    }

    [TestMethod]
    public void Quantize_AStateMoreThanTheBitsSay_IsToldInNotesAndMetadata()
    {
        var vit = new TinyVit();
        foreach (var (zero, told) in new[] { (ZeroState.LastCode, false), (ZeroState.None, false), (ZeroState.Extra, true) })
        {
            var result = Quantize(vit, "adalog", "adalog", TinyRuns.Options with { UniformBits = 3, ZeroState = zero });
            Assert.AreEqual(told, result.Notes.Any(n => n.Contains("2^bits + 1 states")), zero.ToString());
            Assert.AreEqual(told ? "extra" : null, result.Model.Metadata.TryGetValue("lampq.zero_state", out string? state) ? state : null);
            long states = result.Model.Graph.Initializers.Where(v => v.Name.EndsWith(".values", StringComparison.Ordinal)).Max(v => v.Initializer!.Count);
            Assert.AreEqual(told ? 9 : 8, states);
        }
    }

    [TestMethod]
    public void Quantize_Packed_HasOperatorsWithTablesAndComputesTheSame()
    {
        var vit = new TinyVit();
        var result = Quantize(vit, "row-adalog", "adalog", TinyRuns.Options with { UniformBits = 4, Export = ExportFormat.Packed });
        Assert.IsFalse(result.Notes.Any(n => n.Contains("is not packed")), string.Join("; ", result.Notes));
        Assert.AreEqual(vit.Depth, result.Model.Graph.Nodes.Count(n => n.OpType == "AttentionQuantize" && n.Floats("map_thresholds") is { Length: > 0 }));
        Assert.AreEqual(vit.Depth, result.Model.Graph.Nodes.Count(n => n.OpType == "LinearLevels"));
        Assert.IsFalse(result.Model.Graph.Nodes.Any(n => n.Is("MatMul", "Gemm", "Log")));
        var samples = TinyRuns.Samples(vit);
        using var packed = LampQSession.Load(result.Model.ToBytes());
        Assert.IsTrue(TinyRuns.Difference(TinyRuns.Outputs(result.Portable, samples), ModelOutputs.Of(packed, samples, TinyRuns.Settings)) <= 1.0 / 15);
    }

    [TestMethod]
    public void Quantize_EveryMetricCompensationAndCodesTogether_Runs()
    {
        var vit = new TinyVit();
        foreach (var metric in new[] { SensitivityMetric.KlDamage, SensitivityMetric.FisherDamage, SensitivityMetric.Sqnr })
        {
            var result = Quantize(vit, "row-adalog", "adalog", TinyRuns.Options with { Method = AllocationMethod.LampQ, Metric = metric, Compensation = ErrorCompensation.RidgeGptq, ActivationRange = ActivationRange.OutputMse });
            Assert.IsTrue(TinyRuns.Difference(TinyRuns.Outputs(vit.Build(), TinyRuns.Samples(vit)), TinyRuns.Outputs(result.Model, TinyRuns.Samples(vit))) < 1, metric.Name);
        }
    }

    static QuantizationResult Quantize(TinyVit vit, string map, string gelu, QuantizationOptions options) => new ModelQuantizer(options with
    {
        Method = options.Method == AllocationMethod.LampQ && options.Compensation != ErrorCompensation.None ? AllocationMethod.LampQ : AllocationMethod.Uniform,
        Profile = QuantizationProfile.Paper,
        MapQuantizer = MapQuantizer.All.Single(q => q.Name == map),
        GeluQuantizer = GeluQuantizer.All.Single(q => q.Name == gelu),
    }).Quantize(vit.Build(), TinyRuns.Samples(vit));
}
