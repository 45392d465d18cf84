using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

/// <summary>A real model: its size is what saving and loading have to bear.</summary>
[TestClass]
public class DeitTinyTests
{
    [TestMethod]
    public void SaveAndLoad_OfDeitTiny_TakeUnderThreeSecondsEachAndKeepTheScores()
    {
        string modelFile = SharedData.Require("models/deit_tiny_patch16_224.onnx");
        using var work = new Workplace();
        var random = new Random(5);
        Picture[] rows = [.. Enumerable.Range(0, 3).Select(_ => new Picture { Pixels = [.. Enumerable.Range(0, 3 * 224 * 224).Select(_ => random.NextSingle() * 4 - 2)] })];
        var data = work.ML.Data.LoadFromEnumerable(rows);
        using var transformer = new LampQEstimator(work.ML, new LampQOptions
        {
            ModelFile = modelFile,
            InputColumnNames = ["Pixels"],
            OutputColumnNames = ["Score"],
            CalibrationRows = 1,
            Quantization = new QuantizationOptions { Method = AllocationMethod.Uniform, UniformBits = 4 },
        }).Fit(data);
        string path = work.File("deit.zip");

        double saved = CpuSeconds(() => work.ML.Model.Save(transformer, data.Schema, path));
        ITransformer? loaded = null;
        double opened = CpuSeconds(() => loaded = work.ML.Model.Load(path, out _));

        // CPU time: other programs on the machine do not count.
        Assert.IsTrue(saved < 3, $"saved in {saved:F2} s of CPU");
        Assert.IsTrue(opened < 3, $"loaded in {opened:F2} s of CPU");
        transformer.ExportOnnx(work.File("deit.onnx"));
        using var bare = LampQSession.Load(work.File("deit.onnx"));
        float[][] scores = [.. loaded!.Transform(data).GetColumn<float[]>("Score")];
        for (int i = 0; i < rows.Length; i++)
            Same.Values(bare.Run(new Dictionary<string, Tensor> { [bare.InputNames[0]] = Tensor.Of(rows[i].Pixels, 1, 3, 224, 224) })[0].ToFloats(), scores[i], $"picture {i}");
    }

    static double CpuSeconds(Action action)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        action();
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalSeconds;
    }

    sealed class Picture
    {
        [VectorType(3, 224, 224)]
        public float[] Pixels { get; set; } = [];
    }
}
