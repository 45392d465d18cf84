using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>The packed file: as small as its bits, with the answers of the portable one.</summary>
[TestClass]
public sealed class PackedExportTests
{
    [TestMethod]
    public void Quantize_TinyModelPacked_AnswersAsThePortableModelLoweredAtLoad()
    {
        var vit = new TinyVit();
        var samples = TinyRuns.Samples(vit);
        var result = new ModelQuantizer(TinyRuns.Options with { Method = AllocationMethod.Uniform, UniformBits = 4, Export = ExportFormat.Packed }).Quantize(vit.Build(), samples);
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
        long weights = result.Layers.Sum(l => l.Parameters * l.Bits / 8);
        // Whatever is no packed weight: multipliers, biases, zero points, norms, class token, positions.
        long rest = result.Model.Graph.Initializers.Where(v => !v.Name.EndsWith(".weight_packed", StringComparison.Ordinal)).Sum(v => (long)v.Initializer!.Bytes.Length);
        long size = result.Model.ToBytes().LongLength;
        Console.WriteLine($"{size} bytes; weights {weights}, rest {rest}");
        Assert.IsTrue(size <= 1.02 * (weights + rest) + 32 * 1024, $"{size} bytes against {weights} of weights and {rest} of the rest");

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

    static float[] Run(ModelSession session, Tensor image) => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = image })[0].ToFloats();
}
