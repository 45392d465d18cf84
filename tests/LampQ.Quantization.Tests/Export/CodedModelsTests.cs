using LampQ.Demo;
using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>Whole models of the papers' profile at 4 bits, whose maps and inputs of fc2 have other than uniform codes: LampQ's kernels against ONNX Runtime on the same file.</summary>
[TestClass]
public sealed class CodedModelsTests
{
    static readonly RunSettings settings = new() { BatchSize = 1, Session = new() { Threads = 2 } };

    static readonly QuantizationOptions options = new() { Profile = QuantizationProfile.Paper, Run = settings, RefinementSteps = 2, SensitivityImages = 8, Compensation = ErrorCompensation.None };

    [TestMethod]
    public void ShapesVit_PaperProfile_AnswersAsOnnxRuntimeDoes()
    {
        var model = Model.Read(ShapesVit.Path);
        var (lampq, optimized, _, exact) = Outputs(model, Pictures(32, first: 0, seed: 3), Pictures(256, first: 0, ShapeImages.EvaluationSeed));
        Assert.IsTrue(Distance(lampq, optimized) <= .5 * Distance(optimized, exact), $"{Distance(lampq, optimized) / Distance(optimized, exact)} of the quantization error");
        Assert.IsTrue(lampq.Agreement(optimized) >= .99, $"{lampq.Agreement(optimized):P1} the same class");
    }

    [TestMethod]
    public void DeitTiny_PaperProfile_IsNoFartherFromOnnxRuntimeThanItsGraphAsWritten()
    {
        var images = SampleSet.Open(SharedData.Require("imagenet-calibration/labels.tsv"),
            new() { Resize = ResizeRule.ShortestEdge(248), Crop = new ImageSize(224, 224), Mean = Preprocessing.ImageNetMean, Std = Preprocessing.ImageNetStd }).Sample(40, 5);
        var (lampq, optimized, written, exact) = Outputs(Model.Read(SharedData.Require("models/deit_tiny_patch16_224.onnx")), images.Take(8), images, uniform: true);
        // At 4 bits everywhere a code on the other side of a tie grows to half of the quantization error through twelve blocks, whoever computes it.
        double floor = Distance(written, optimized), noise = Distance(optimized, exact);
        Assert.IsTrue(Distance(lampq, optimized) <= 1.2 * floor, $"{Distance(lampq, optimized) / noise} of the quantization error; ONNX Runtime and itself are {floor / noise} apart");
        Assert.AreEqual(noise, Distance(lampq, exact), .1 * noise);
    }

    static (ModelOutputs LampQ, ModelOutputs Optimized, ModelOutputs Written, ModelOutputs Exact) Outputs(Model model, SampleSet calibration, SampleSet judged, bool uniform = false)
    {
        var quantized = new ModelQuantizer(uniform ? options with { Method = AllocationMethod.Uniform, UniformBits = 4 } : options).Quantize(model, calibration).Portable;
        using var lampq = LampQSession.Load(quantized, new LampQSessionOptions(settings.Session));
        Assert.AreEqual(0, lampq.Report.Left.Count(o => o.Operation == "attention" || o.Name.Contains("fc2", StringComparison.Ordinal)), lampq.Report.ToString());
        Assert.IsTrue(lampq.Report.Operations.Any(o => o.LoweredTo == "LinearLevels"), lampq.Report.ToString());
        var result = (ModelOutputs.Of(lampq, judged, settings), TinyRuns.Outputs(quantized, judged, settings),
            TinyRuns.Outputs(quantized, judged, settings with { Session = settings.Session with { Optimize = false } }), TinyRuns.Outputs(model, judged, settings));
        Console.WriteLine($"distance from ONNX Runtime {Distance(result.Item1, result.Item2) / Distance(result.Item2, result.Item4):F3} of the quantization error, its own two ways {Distance(result.Item3, result.Item2) / Distance(result.Item2, result.Item4):F3}; "
            + $"same class {result.Item1.Agreement(result.Item2):P1}, its own two ways {result.Item3.Agreement(result.Item2):P1}");
        return result;
    }

    static SampleSet Pictures(int count, int first, ulong seed)
    {
        var (pixels, _) = ShapeImages.DrawBatch(seed, first, count);
        return SampleSet.FromTensors([3, ShapeImages.Size, ShapeImages.Size], [.. pixels.Chunk(ShapeImages.Length)], null);
    }

    static double Distance(ModelOutputs a, ModelOutputs b) => Math.Sqrt(a.Scores.Zip(b.Scores, (x, y) => x.Zip(y, (p, q) => Math.Pow(p - q, 2)).Sum()).Sum());
}
