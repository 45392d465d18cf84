using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>The packed file: as small as its bits, with the answers of the portable one.</summary>
[TestClass]
public sealed class PackedExportTests
{
    public static IEnumerable<object[]> Kinds => from weights in new[] { "mse", "asymmetric-mse" } from profile in Enum.GetValues<QuantizationProfile>() from bits in new[] { 3, 8 } select new object[] { weights, profile, bits };

    /// <summary>The papers' profile codes the map and the input of fc2 by other than uniform codes, whose weights are written another way.</summary>
    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Quantize_TinyModelPacked_AnswersAsThePortableModelLoweredAtLoad(string weights, QuantizationProfile profile, int bits)
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var options = TinyRuns.Options with
        {
            Method = AllocationMethod.Uniform,
            UniformBits = bits,
            BitsFor = new Dictionary<string, int>(),
            Profile = profile,
            Export = ExportFormat.Packed,
            WeightQuantizer = WeightQuantizer.All.Single(q => q.Name == weights),
            GeluQuantizer = profile == QuantizationProfile.Paper ? GeluQuantizer.AdaLog : null,
        };
        var result = new ModelQuantizer(options).Quantize(vit.Build(), samples);
        var layers = result.Model.Graph.Nodes.Where(n => n.Int("in_features") > 0).ToArray();
        Assert.IsTrue(layers.All(n => n.Int("bits") == bits), "A zero point must not cost a bit.");
        Assert.AreEqual(weights != "mse", layers.Any(n => n.Input(4) is not null), "Zero points");
        Assert.AreEqual(LampQDomain.Version, result.Model.Opsets[LampQDomain.Name]);
        Assert.AreEqual("packed", result.Model.Metadata["lampq.container"]);
        Assert.IsTrue(result.Portable.Graph.Nodes.All(n => n.Domain.Length == 0));
        Assert.AreEqual(0, ModelChecker.Check(result.Model).Count);
        using var packed = LampQSession.Load(result.Model.ToBytes());
        using var portable = LampQSession.Load(result.Portable);
        foreach (var image in samples.Tensors(TinyRuns.Settings))
            CollectionAssert.AreEqual(Run(portable, image), Run(packed, image));
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(3)]
    public void Quantize_DeitTinyPacked_WeighsItsBitsAndAnswersLikeOnnxRuntime(int bits)
    {
        var model = Model.Read(SharedData.Require("models/deit_tiny_patch16_224.onnx"));
        var random = new Random(5);
        var samples = SampleSet.FromTensors([3, 224, 224], [.. Enumerable.Range(0, 2).Select(_ => Enumerable.Range(0, 3 * 224 * 224).Select(_ => random.NextSingle() * 4 - 2).ToArray())]);
        var options = TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = bits, Export = ExportFormat.Packed, WeightQuantizer = WeightQuantizer.MinMax };
        var result = new ModelQuantizer(options).Quantize(model, samples);

        Assert.AreEqual(0, result.Model.Graph.Nodes.Count(n => n.Is("MatMul", "Gemm", "Conv", "QuantizeLinear", "DequantizeLinear")));
        AssertSize(model, result);

        using var fp32 = new OnnxSession(model, TinyRuns.Settings.Session);
        using var portable = new OnnxSession(result.Portable, TinyRuns.Settings.Session);
        using var packed = LampQSession.Load(result.Model.ToBytes(), new LampQSessionOptions(TinyRuns.Settings.Session));
        double noise = 0, difference = 0;
        foreach (var image in samples.Tensors(TinyRuns.Settings))
        {
            float[] exact = Run(fp32, image), expected = Run(portable, image), actual = Run(packed, image);
            noise += exact.Zip(expected, (a, b) => Math.Pow(a - b, 2)).Sum();
            difference += actual.Zip(expected, (a, b) => Math.Pow(a - b, 2)).Sum();
        }
        Assert.IsTrue(Math.Sqrt(difference) <= .5 * Math.Sqrt(noise), $"{Math.Sqrt(difference)} against {Math.Sqrt(noise)}");
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(5)]
    [DataRow(8)]
    public void Quantize_TinyModelPacked_WeighsNoMoreThanItsParametersAtTheirBits(int bits)
    {
        var vit = new TinyVit { Dim = 64, Heads = 4, Depth = 3, ImageSize = 32, Patch = 8 };
        var result = new ModelQuantizer(TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = bits, Export = ExportFormat.Packed }).Quantize(vit.Build(), TinyRuns.Samples(vit));
        AssertSize(vit.Build(), result);
    }

    /// <summary>
    /// Within 2 % + 32 KB of Σ parameters·bits/8, per output channel a scale, a bias, and for layers that return codes a scale and a zero point more, and the floats
    /// of the model that are neither weight nor bias of a layer; counted in the float model, not in the packed one.
    /// </summary>
    static void AssertSize(Model model, QuantizationResult result)
    {
        var folded = new ConstantFolding().Apply(model);
        ShapeInference.Infer(folded);
        ModelFamily.Detect(folded, out var structure);
        var bits = result.Model.Metadata["lampq.bits"].Split(';').Select(l => l.Split('=')).ToDictionary(l => l[0], l => int.Parse(l[1]));
        CollectionAssert.AreEquivalent(structure.Layers.Select(l => l.Name).ToArray(), bits.Keys);
        double expected = folded.Graph.Initializers.Where(v => v.Initializer!.Type == ElementType.Float).Sum(v => (double)v.Initializer!.Bytes.Length);
        foreach (var layer in structure.Layers)
        {
            bool returnsCodes = layer.Type is LayerType.Qkv or LayerType.Fc1;
            // Its floats go, biases stay.
            expected += layer.Parameters * (bits[layer.Name] / 8.0 - sizeof(float)) + layer.OutputChannels * (sizeof(float) + (returnsCodes ? sizeof(float) + 1 : 0));
        }
        long size = result.Model.ToBytes().LongLength;
        Console.WriteLine($"{size} bytes, {expected} expected");
        Assert.IsTrue(size <= 1.02 * expected + 32 * 1024, $"{size} bytes; {expected} expected");
    }

    static float[] Run(ModelSession session, Tensor image) => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = image })[0].ToFloats();
}
