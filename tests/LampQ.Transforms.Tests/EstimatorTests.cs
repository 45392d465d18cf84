using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Solver;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Onnx;

namespace LampQ.Transforms.Tests;

[TestClass]
public class EstimatorTests
{
    public static IEnumerable<object[]> Methods => Recipe.All.Select(r => new object[] { r.Name });

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Fit_WithEveryMethod_IsReportedSavedAndLoaded(string method)
    {
        using var work = new Workplace();
        // One row a run, as after a plain load: in a larger batch a last bit may fall otherwise, and with it a 4-bit code.
        var options = work.Options() with { BatchSize = 1, CalibrationRows = 32, Quantization = Recipe.Of(method).Options(4) with { Run = work.Options().Quantization.Run } };

        using var transformer = new LampQEstimator(work.ML, options).Fit(work.Data(32));

        Assert.AreEqual(work.Vit.LayerCount, transformer.Report!.Layers.Count);
        Assert.IsTrue(transformer.Report.AverageBits is > 2 and <= 4, $"{transformer.Report.AverageBits}");
        LampQModel.Save(work.ML, transformer, null, work.File("model.zip"));
        var expected = work.Read(transformer.Transform(work.Data(3)));
        foreach (var loaded in new[] { work.ML.Model.Load(work.File("model.zip"), out _), LampQModel.Load(work.ML, work.File("model.zip"), out _) })
        {
            var found = work.Read(loaded.Transform(work.Data(3)));
            for (int i = 0; i < 3; i++)
                Same.Values(expected[i].Score, found[i].Score, $"row {i}");
        }
    }

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
    public void Fit_OnSortedData_DrawsFromAllRowsByTheSeed()
    {
        using var work = new Workplace();
        int[] RowsOf(int seed, CalibrationSampling sampling)
        {
            var asked = new List<int>();
            var data = work.ML.Data.LoadFromEnumerable(work.Rows(1).SelectMany(r => Enumerable.Range(0, 200).Select(i => new Asked(r.Pixels!, i, asked))));
            var options = work.Options() with { CalibrationSampling = sampling, Quantization = work.Options().Quantization with { Seed = seed } };
            new LampQEstimator(work.ML, options).Fit(data).Dispose();
            return [.. asked];
        }

        int[] drawn = RowsOf(1, CalibrationSampling.WholeData);

        CollectionAssert.AreEqual(drawn, RowsOf(1, CalibrationSampling.WholeData));
        CollectionAssert.AreNotEqual(drawn, RowsOf(2, CalibrationSampling.WholeData));
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 3, 4, 5 }, RowsOf(1, CalibrationSampling.FirstRows));
        // 6 of 200: 6 · (1 + 1/7 + ... + 1/200) is 20.6 values read on average, with a standard deviation below 5.
        Assert.IsTrue(drawn.Length is > 6 and < 50 && drawn.Max() > 20, string.Join(",", drawn));
    }

    [TestMethod]
    public void Reservoir_ManyDraws_TakesEveryThingEquallyOften()
    {
        const int size = 3, things = 10, draws = 20_000;
        int[] taken = new int[things];
        for (int seed = 0; seed < draws; seed++)
        {
            var reservoir = new Reservoir(size, seed);
            int[] kept = new int[size];
            for (int i = 0; i < things; i++)
                if (reservoir.Next() is { } place)
                    kept[place] = i;
            foreach (int i in kept)
                taken[i]++;
        }

        // Binomial: 20,000 draws with p = 0.3 have a standard deviation of 65; five of them in ten places fail once in 170,000 runs, and the seeds are fixed.
        foreach (int count in taken)
            Assert.AreEqual(draws * size / things, count, 5 * 65, string.Join(",", taken));
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void Fit_ValueThatIsNoNumber_NamesRowColumnAndPlace(float found)
    {
        using var work = new Workplace();
        var rows = work.Rows(6);
        rows[3].Pixels![17] = found;

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new LampQEstimator(work.ML, work.Options()).Fit(work.ML.Data.LoadFromEnumerable(rows)));

        StringAssert.Contains(error.Message, "Row 3");
        StringAssert.Contains(error.Message, "'Pixels'");
        StringAssert.Contains(error.Message, $"{found} as value 17");
    }

    [TestMethod]
    public void Fit_ClassBeyondTheModels_NamesRowColumnFoundAndExpected()
    {
        using var work = new Workplace();
        var rows = work.Rows(6);
        rows[2].Number = 5;

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new LampQEstimator(work.ML, work.Options() with { LabelColumnName = "Number" }).Fit(work.ML.Data.LoadFromEnumerable(rows)));

        StringAssert.Contains(error.Message, "Row 2");
        StringAssert.Contains(error.Message, "'Number'");
        StringAssert.Contains(error.Message, "class 5");
        StringAssert.Contains(error.Message, "0 to 4");
    }

    [TestMethod]
    public void Fit_ClassBeyondEveryModels_NamesIt()
    {
        using var work = new Workplace();
        var rows = work.Rows(6).Select(r => new Numbered { Pixels = r.Pixels!, Number = ulong.MaxValue - 3 });

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new LampQEstimator(work.ML, work.Options() with { LabelColumnName = "Number" }).Fit(work.ML.Data.LoadFromEnumerable(rows)));

        StringAssert.Contains(error.Message, "Row 0");
        StringAssert.Contains(error.Message, "class 18446744073709551612");
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
        StringAssert.Contains(error.Message, "'Pixels'");
        StringAssert.Contains(error.Message, "holds 0 values");
        StringAssert.Contains(error.Message, "192");
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

    /// <summary>What <c>lampq quantize --container int4</c> writes.</summary>
    [TestMethod]
    public void ExportOnnx_OfAFileWith4BitInitializers_IsTakenByMLNetsOwnStepWhichRefusesTheFile()
    {
        using var work = new Workplace();
        var samples = SampleSet.FromTensors([3, 8, 8], [.. work.Rows(6).Select(r => r.Pixels!)]);
        new ModelQuantizer(work.Options().Quantization with { Container = WeightContainer.Int4 }).Quantize(work.Vit.Build(), samples).Model.Write(work.ModelFile);
        var data = work.ML.Transforms.CopyColumns(TinyVit.InputName, "Pixels").Fit(work.Data(3)).Transform(work.Data(3));
        OnnxScoringEstimator Step(string file) => work.ML.Transforms.ApplyOnnxModel([TinyVit.OutputName], [TinyVit.InputName], file);
        using var transformer = work.Scoring().Fit(work.Data(1));

        transformer.ExportOnnx(work.File("constants.onnx"));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Step(work.ModelFile));
        StringAssert.Contains(error.ToString(), "Unsupported ONNX scalar type: 22");
        float[][] found = [.. Step(work.File("constants.onnx")).Fit(data).Transform(data).GetColumn<float[]>(TinyVit.OutputName)];
        float[][] expected = [.. transformer.Transform(work.Data(3)).GetColumn<float[]>("Score")];
        for (int i = 0; i < 3; i++)
            Same.Values(expected[i], found[i], $"row {i}");
    }

    [TestMethod]
    public void Fit_PackedExport_IsSavedAsMappingsAndRefusedAsOnnx()
    {
        using var work = new Workplace();
        var packed = work.Options() with { Quantization = work.Options().Quantization with { Export = ExportFormat.Packed } };
        using var transformer = new LampQEstimator(work.ML, packed).Fit(work.Data(6));
        work.ML.Model.Save(transformer, null, work.File("packed.zip"));

        var found = work.Read(work.ML.Model.Load(work.File("packed.zip"), out _).Transform(work.Data(3)));
        var error = Assert.ThrowsExactly<ArgumentException>(() => new LampQEstimator(work.ML, packed with { SaveAs = OnnxSaveFormat.Instance }));

        var expected = work.Read(transformer.Transform(work.Data(3)));
        for (int i = 0; i < 3; i++)
            Same.Values(expected[i].Score, found[i].Score, $"row {i}");
        StringAssert.Contains(error.Message, "Export is Packed");
        StringAssert.Contains(error.Message, "SaveAs is onnx");
    }

    /// <summary>A row that notes when its picture is asked for.</summary>
    sealed class Asked(float[] pixels, int number, List<int> asked)
    {
        [VectorType(3, 8, 8)]
        public float[] Pixels
        {
            get
            {
                asked.Add(number);
                return pixels;
            }
        }
    }

    sealed class Numbered
    {
        [VectorType(3, 8, 8)]
        public float[] Pixels { get; set; } = [];

        public ulong Number { get; set; }
    }

    sealed class Listener(List<string> heard) : IProgress<string>
    {
        public void Report(string value) => heard.Add(value);
    }
}

static class Views
{
    /// <summary>The same columns, no rows.</summary>
    public static IDataView Empty(this IDataView view, MLContext mlContext) => mlContext.Data.SkipRows(view, 1_000_000);
}
