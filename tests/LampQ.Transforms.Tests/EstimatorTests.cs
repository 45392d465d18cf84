using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Solver;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

[TestClass]
public class EstimatorTests
{
    [TestMethod]
    public void Fit_OfAViT_RunsOnLampQsKernelsAndSaysSo()
    {
        using var work = new Workplace();
        var vit = work.Vit;

        using var transformer = new LampQEstimator(work.ML, work.Options()).Fit(work.Data(6));

        // Of each block qkv, attention, proj, fc1 and fc2 at least; the head besides.
        Assert.IsTrue(transformer.Report!.Lowering.Lowered > 5 * vit.Depth, $"{transformer.Report.Lowering}");
        StringAssert.Contains(transformer.Report.ToString(), "run on LampQ's kernels");
    }

    [TestMethod]
    public void Fit_OnAPipeline_QuantizesAsTheQuantizerDoesOnTheSameRows()
    {
        using var work = new Workplace();
        var options = work.Options();
        var rows = work.Rows(10);
        var samples = SampleSet.FromTensors([3, 8, 8], [.. rows.Take(6).Select(r => r.Pixels!)]);
        var expected = new ModelQuantizer(options.Quantization).Quantize(work.Vit.Build(), samples).Model;

        using var transformer = new LampQEstimator(work.ML, options).Fit(work.Data(10));

        var scored = work.Read(transformer.Transform(work.Data(10)));
        var reference = Workplace.Reference(expected, rows);
        for (int i = 0; i < rows.Length; i++)
            Same.Values(reference[i], scored[i].Score, $"row {i}");
    }

    [TestMethod]
    public void Fit_WithBudgetAndLabels_ReportsWhatItMeasured()
    {
        using var work = new Workplace();
        var options = work.Options() with
        {
            LabelColumnName = "Label",
            Quantization = work.Options().Quantization with { Method = AllocationMethod.LampQ, TargetBits = 5, SensitivityImages = 2, RefinementSteps = 1 },
        };

        using var transformer = new LampQEstimator(work.ML, options).Fit(work.Data(6));

        var report = transformer.Report!;
        Assert.AreEqual(6, report.Rows);
        Assert.AreEqual(work.Vit.LayerCount, report.Layers.Count);
        Assert.IsTrue(report.AverageBits is > 2 and <= 5, $"{report.AverageBits}");
        Assert.AreEqual(new FileInfo(work.ModelFile).Length, report.Fp32Bytes);
        float[][] scores = Workplace.Reference(work.Vit.Build(), work.Rows(6));
        double right = scores.Select((s, i) => Array.IndexOf(s, s.Max()) == i % 5 ? 1.0 : 0.0).Average();
        Assert.AreEqual(right, report.Fp32Top1!.Value, 1e-9);
        Assert.IsTrue(report.Agreement is >= 0 and <= 1 && report.MeanKl >= 0);
        StringAssert.Contains(report.ToString(), "average bits");
    }

    [TestMethod]
    public void Fit_InAChainWithACacheCheckpoint_ScoresBehindOtherSteps()
    {
        using var work = new Workplace();
        var chain = work.ML.Transforms.CopyColumns("Picture", "Pixels").AppendCacheCheckpoint(work.ML)
            .Append(work.ML.Transforms.LampQ(work.ML, work.Options() with { InputColumnNames = ["Picture"] }))
            .Append(work.ML.Transforms.Concatenate("Features", "Score"));

        using var model = chain.Fit(work.Data(8));

        float[][] features = [.. model.Transform(work.Data(8)).GetColumn<float[]>("Features")];
        Assert.AreEqual(8, features.Length);
        Assert.IsTrue(features.All(f => f.Length == 5));
    }

    [TestMethod]
    public void Fit_WhileItRuns_TellsLogAndListener()
    {
        using var work = new Workplace();
        var log = new List<string>();
        var heard = new List<string>();
        work.ML.Log += (_, e) =>
        {
            lock (log)
                log.Add($"{e.Source}: {e.RawMessage}");
        };

        using var transformer = new LampQEstimator(work.ML, work.Options() with { Progress = new Listener(heard) }).Fit(work.Data(6));

        Assert.IsTrue(heard.Any(h => h.Contains("Calibrating on 6 samples")), string.Join('\n', heard));
        Assert.IsTrue(log.Any(l => l.StartsWith("LampQEstimator") && l.Contains("Calibrating on 6 samples")), string.Join('\n', log));
    }

    [TestMethod]
    public void Fit_Cancelled_ThrowsAndLeavesNoFile()
    {
        using var work = new Workplace();
        using var source = new CancellationTokenSource();
        string[] before = Directory.GetFiles(work.Folder);
        // Cancelled by the first message: in the middle of the work.
        var options = work.Options() with { CancellationToken = source.Token, Progress = new Canceller(source) };

        Assert.ThrowsExactly<OperationCanceledException>(() => new LampQEstimator(work.ML, options).Fit(work.Data(6)));

        CollectionAssert.AreEqual(before, Directory.GetFiles(work.Folder));
    }

    [TestMethod]
    public void Fit_NoRows_SaysSo()
    {
        using var work = new Workplace();

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new LampQEstimator(work.ML, work.Options()).Fit(work.Data(6).Empty(work.ML)));

        StringAssert.Contains(error.Message, "no rows");
        StringAssert.Contains(error.Message, "'Pixels'");
    }

    [TestMethod]
    public void Fit_LabelColumnMissingOrText_NamesIt()
    {
        using var work = new Workplace();

        var missing = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LampQEstimator(work.ML, work.Options() with { LabelColumnName = "Class" }).Fit(work.Data(6)));
        var text = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LampQEstimator(work.ML, work.Options() with { LabelColumnName = "Text" }).Fit(work.Data(6)));

        StringAssert.Contains(missing.Message, "label column 'Class'");
        StringAssert.Contains(text.Message, "label column 'Text'");
    }

    [TestMethod]
    public void Fit_NullPictureInTheCalibrationRows_NamesTheRow()
    {
        using var work = new Workplace();
        var rows = work.Rows(6);
        rows[4].Pixels = null;

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new LampQEstimator(work.ML, work.Options()).Fit(work.ML.Data.LoadFromEnumerable(rows)));

        StringAssert.Contains(error.Message, "Row 4");
    }

    [TestMethod]
    public void Fit_BudgetThatCannotBeKept_ThrowsTheSolversException()
    {
        using var work = new Workplace();
        var options = work.Options() with { Quantization = work.Options().Quantization with { Method = AllocationMethod.LampQ, TargetBits = 1 } };

        Assert.ThrowsExactly<InfeasibleBudgetException>(() => new LampQEstimator(work.ML, options).Fit(work.Data(6)));
    }

    [TestMethod]
    public void Constructor_ModelWithTwoInputs_IsRefusedWithBothNames()
    {
        using var work = new Workplace();
        TwoInputs.Model().Write(work.ModelFile);

        var error = Assert.ThrowsExactly<NotSupportedException>(() => new LampQEstimator(work.ML, work.Options()));

        StringAssert.Contains(error.Message, "left");
        StringAssert.Contains(error.Message, "right");
    }

    [TestMethod]
    [DataRow(WeightContainer.Int8)]
    [DataRow(WeightContainer.Int4)]
    public void ExportOnnx_ScoredByMLNetsOwnStep_GivesTheSameScores(WeightContainer container)
    {
        using var work = new Workplace();
        var options = work.Options() with { Quantization = work.Options().Quantization with { Container = container } };
        using var transformer = new LampQEstimator(work.ML, options).Fit(work.Data(6));
        string path = work.File("quantized.onnx");

        transformer.ExportOnnx(path);

        var own = work.ML.Transforms.CopyColumns(TinyVit.InputName, "Pixels").Append(work.ML.Transforms.ApplyOnnxModel([TinyVit.OutputName], [TinyVit.InputName], path)).Fit(work.Data(6));
        float[][] expected = [.. own.Transform(work.Data(6)).GetColumn<float[]>(TinyVit.OutputName)];
        float[][] found = [.. transformer.Transform(work.Data(6)).GetColumn<float[]>("Score")];
        for (int i = 0; i < 6; i++)
            Same.Values(expected[i], found[i], $"row {i}");
    }

    sealed class Listener(List<string> heard) : IProgress<string>
    {
        public void Report(string value) => heard.Add(value);
    }

    sealed class Canceller(CancellationTokenSource source) : IProgress<string>
    {
        public void Report(string value) => source.Cancel();
    }
}

static class Views
{
    /// <summary>The same columns, no rows.</summary>
    public static IDataView Empty(this IDataView view, MLContext mlContext) => mlContext.Data.TakeRows(view, 0);
}
