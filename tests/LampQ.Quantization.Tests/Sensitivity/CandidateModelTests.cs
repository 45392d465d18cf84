using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class CandidateModelTests
{
    // Feeding a weight instead of folding it changes which kernels ONNX Runtime packs for and so the order of sums: some 50 roundings of 2⁻²⁴, through two blocks.
    const double FloatNoise = 2e-5;

    static IReadOnlyDictionary<string, TinyVit> Spellings => new Dictionary<string, TinyVit>
    {
        ["fused qkv"] = new(),
        ["separate, dynamic batch"] = new() { Qkv = QkvForm.Separate, DynamicBatch = true },
        ["Gemm"] = new() { Linear = LinearForm.Gemm },
        ["transposed Gemm, opset 13"] = new() { Linear = LinearForm.GemmTransposed, Opset = 13 },
        ["transposed weights"] = new() { Weights = WeightForm.Transposed },
        ["constants"] = new() { Weights = WeightForm.Constants },
    };

    public static IEnumerable<object[]> Cases => from s in Spellings.Keys from paper in new[] { false, true } select new object[] { s, paper };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Run_AllLayersFloat_GivesTheFloatModel(string spelling, bool quantizeInputs)
    {
        var calibration = Calibrate(spelling);
        var quantizers = calibration.Quantizers();
        using var candidate = new CandidateModel(calibration.Model, calibration.Structure.Layers, quantizeInputs ? l => quantizers.Input(l, 8) : null, null, TinyRuns.Settings);
        var outputs = candidate.Run(calibration.Samples.Tensors(TinyRuns.Settings));
        Assert.IsTrue(TinyRuns.Difference(TinyRuns.Outputs(calibration.Model, calibration.Samples), outputs) < FloatNoise);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Run_OneLayerQuantized_GivesTheModelWithThatWeightReplaced(string spelling, bool quantizeInputs)
    {
        var calibration = Calibrate(spelling);
        var options = TinyRuns.Options with { Profile = quantizeInputs ? QuantizationProfile.Paper : QuantizationProfile.Cpu };
        var quantizers = calibration.Quantizers(options);
        using var candidate = new CandidateModel(calibration.Model, calibration.Structure.Layers, quantizeInputs ? l => quantizers.Input(l, 8) : null, null, TinyRuns.Settings);
        var reference = TinyRuns.Outputs(calibration.Model, calibration.Samples);
        foreach (var layer in calibration.Structure.Layers)
        {
            var plan = quantizers.Plan(layer, 3);
            candidate.Set(layer.Name, plan);
            var actual = candidate.Run(calibration.Samples.Tensors(TinyRuns.Settings));
            candidate.SetFloat(layer);

            var expected = TinyRuns.Outputs(WithOneLayer(calibration.Model, layer.Name, plan, quantizeInputs), calibration.Samples);
            double difference = TinyRuns.Difference(expected, actual);
            // A 3-bit input may fall on the other side of a border between two codes: one input of 16 off by a seventh of its range.
            Assert.IsTrue(difference < (quantizeInputs ? .1 : FloatNoise), $"{layer.Name}: {difference:E2}");
            Assert.IsTrue(TinyRuns.Difference(reference, actual) > 20 * FloatNoise, $"{layer.Name} at 3 bits changes nothing; the case shows nothing.");
        }
        // And nothing of all that stays behind.
        Assert.IsTrue(TinyRuns.Difference(reference, candidate.Run(calibration.Samples.Tensors(TinyRuns.Settings))) < FloatNoise);
    }

    [TestMethod]
    [DataRow("fused qkv")]
    [DataRow("separate, dynamic batch")]
    [DataRow("Gemm")]
    public void Run_FromAStartingPoint_GivesWhatTheWholeModelGives(string spelling)
    {
        var calibration = Calibrate(spelling);
        var layers = calibration.Structure.Layers;
        var starts = StartingPoints.Record(calibration.Model, calibration.Structure, layers, calibration.Samples, TinyRuns.Settings, default);
        var quantizers = calibration.Quantizers();
        using var whole = new CandidateModel(calibration.Model, layers, null, null, TinyRuns.Settings);
        foreach (var layer in layers)
        {
            using var late = new CandidateModel(calibration.Model, layers, null, starts.StartOf(layer), TinyRuns.Settings);
            whole.Set(layer.Name, quantizers.Plan(layer, 2));
            late.Set(layer.Name, quantizers.Plan(layer, 2));
            var expected = whole.Run(calibration.Samples.Tensors(TinyRuns.Settings));
            whole.SetFloat(layer);
            Assert.IsTrue(TinyRuns.Difference(expected, late.Run(starts.BatchesOf(starts.StartOf(layer)))) < FloatNoise, layer.Name);
        }
        Assert.IsNull(starts.StartOf(layers.Single(l => l.Type == LayerType.PatchEmbedding)));
        // Two norms a block and the last one before the head.
        Assert.AreEqual(5, layers.Select(starts.StartOf).OfType<string>().Distinct().Count());
    }

    static Calibration Calibrate(string spelling) => TinyRuns.Calibrate(Spellings[spelling], TinyRuns.Samples(Spellings[spelling]));

    /// <summary>The float model with one weight rounded and, if asked, one input behind Clip, QuantizeLinear and DequantizeLinear.</summary>
    static Model WithOneLayer(Model model, string name, LayerPlan plan, bool quantizeInput)
    {
        var copy = model.Clone();
        var layer = ModelFamily.Detect(copy).FindLayers(copy).Single(l => l.Name == name);
        layer.WriteWeight(plan.Weights.Dequantize());
        if (quantizeInput)
            layer.Node.SetInput(1 - layer.WeightIndex, new QdqActivation(copy.Graph).Write(layer.Input, plan.Input, "x"));
        copy.Graph.Sort();
        return copy;
    }
}
