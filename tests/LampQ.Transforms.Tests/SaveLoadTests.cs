using System.IO.Compression;
using LampQ.Onnx;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

[TestClass]
public class SaveLoadTests
{
    static SaveFormat Format(string name) => name == "onnx" ? OnnxSaveFormat.Instance : SaveFormat.Mapping;

    /// <summary>The step alone, in a chain with steps before and behind it, and in a chain within a chain.</summary>
    static ITransformer Model(Workplace work, string shape, SaveFormat format)
    {
        var transforms = work.ML.Transforms;
        var step = work.Scoring(batchSize: 4, saveAs: format);
        if (shape == "alone")
            return step.Fit(work.Data(1));
        var chain = transforms.CopyColumns("Before", "Text").Append(step).Append(transforms.CopyColumns("After", "Score"));
        return shape == "chain" ? chain.Fit(work.Data(1)) : transforms.CopyColumns("First", "Number").Append(chain).Append(transforms.Concatenate("Features", "Score")).Fit(work.Data(1));
    }

    [TestMethod]
    [DataRow("mapping", "alone")]
    [DataRow("mapping", "chain")]
    [DataRow("mapping", "nested")]
    [DataRow("onnx", "alone")]
    [DataRow("onnx", "chain")]
    [DataRow("onnx", "nested")]
    public void ModelLoad_OfASavedStep_HasTheSameSchemaAndScores(string format, string shape)
    {
        using var work = new Workplace();
        var model = Model(work, shape, Format(format));
        var before = model.Transform(work.Data(5));
        work.ML.Model.Save(model, work.Data(1).Schema, work.File("model.zip"));

        // A context of its own: nothing is remembered from saving.
        var loaded = new MLContext().Model.Load(work.File("model.zip"), out var inputSchema);

        var after = loaded.Transform(work.Data(5));
        Same.Schemas(work.Data(1).Schema, inputSchema);
        Same.Schemas(before.Schema, after.Schema);
        var (expected, found) = (work.Read(before), work.Read(after));
        Assert.AreEqual(5, found.Length);
        for (int i = 0; i < 5; i++)
        {
            Assert.AreEqual(expected[i].Text, found[i].Text);
            Same.Values(expected[i].Score, found[i].Score, $"row {i}");
        }
    }

    [TestMethod]
    [DataRow("mapping", "alone")]
    [DataRow("mapping", "nested")]
    [DataRow("onnx", "alone")]
    [DataRow("onnx", "nested")]
    public void LampQModelLoad_OfASavedModel_RestoresTheBatchedStep(string format, string shape)
    {
        using var work = new Workplace();
        var model = Model(work, shape, Format(format));
        var before = model.Transform(work.Data(9));
        LampQModel.Save(work.ML, model, work.Data(1).Schema, work.File("model.zip"));

        var loaded = LampQModel.Load(new MLContext(), work.File("model.zip"), out var inputSchema);

        var step = Steps(loaded).OfType<LampQTransformer>().Single();
        Assert.AreEqual(4, step.BatchSize);
        Assert.AreSame(Format(format), step.SaveAs);
        var after = loaded.Transform(work.Data(9));
        Same.Schemas(work.Data(1).Schema, inputSchema!);
        Same.Schemas(before.Schema, after.Schema);
        var (expected, found) = (work.Read(before), work.Read(after));
        for (int i = 0; i < 9; i++)
            Same.Values(expected[i].Score, found[i].Score, $"row {i}");
    }

    [TestMethod]
    public void LampQModelSave_OfAFittedStep_KeepsItsReport()
    {
        using var work = new Workplace();
        using var transformer = new LampQEstimator(work.ML, work.Options()).Fit(work.Data(6));
        using var stream = new MemoryStream();
        LampQModel.Save(work.ML, transformer, null, stream);
        stream.Position = 0;

        var loaded = LampQModel.Load(work.ML, stream, out var schema);

        var report = Steps(loaded).OfType<LampQTransformer>().Single().Report!;
        Assert.IsNull(schema);
        CollectionAssert.AreEqual(transformer.Report!.Layers.ToArray(), report.Layers.ToArray());
        Assert.AreEqual(transformer.Report.ToString(), report.ToString());
    }

    [TestMethod]
    public void LampQModelSave_ReportWithNumbersThatJsonHasNot_IsReadAgain()
    {
        using var work = new Workplace();
        using var fitted = new LampQEstimator(work.ML, work.Options()).Fit(work.Data(6));
        using var transformer = new LampQTransformer(work.ML, fitted.Model, work.Options(), fitted.Report! with { MeanKl = double.PositiveInfinity, Agreement = double.NaN });

        LampQModel.Save(work.ML, transformer, null, work.File("model.zip"));

        var report = Steps(LampQModel.Load(work.ML, work.File("model.zip"), out _)).OfType<LampQTransformer>().Single().Report!;
        Assert.AreEqual((double.PositiveInfinity, double.NaN), (report.MeanKl, report.Agreement));
    }

    [TestMethod]
    public void LampQModelSave_StreamThatHoldsSomething_IsRefusedAndLeft()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring().Fit(work.Data(1));
        using var stream = new MemoryStream();
        stream.WriteByte(7);

        var error = Assert.ThrowsExactly<ArgumentException>(() => LampQModel.Save(work.ML, transformer, null, stream));

        StringAssert.Contains(error.Message, "empty stream");
        CollectionAssert.AreEqual(new byte[] { 7 }, stream.ToArray());
    }

    [TestMethod]
    public void LampQModelLoad_FormatOfANewerVersion_IsNamed()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => SaveFormat.Find("parcel"));

        StringAssert.Contains(error.Message, "'parcel'");
        StringAssert.Contains(error.Message, "mapping and onnx");
    }

    [TestMethod]
    public void ModelLoad_OfAFileWithAManifest_IgnoresIt()
    {
        using var work = new Workplace();
        LampQModel.Save(work.ML, Model(work, "chain", SaveFormat.Mapping), work.Data(1).Schema, work.File("model.zip"));

        var loaded = work.ML.Model.Load(work.File("model.zip"), out _);

        Assert.IsFalse(Steps(loaded).OfType<LampQTransformer>().Any());
        Assert.AreEqual(3, work.Read(loaded.Transform(work.Data(3))).Length);
    }

    [TestMethod]
    public void LampQModelLoad_WithoutManifest_SaysHowToLoadIt()
    {
        using var work = new Workplace();
        work.ML.Model.Save(Model(work, "alone", SaveFormat.Mapping), null, work.File("model.zip"));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => LampQModel.Load(work.ML, work.File("model.zip"), out _));

        StringAssert.Contains(error.Message, "mlContext.Model.Load");
    }

    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void PredictionEngine_OnALoadedModel_GivesTheSameScores(string format)
    {
        using var work = new Workplace();
        work.ML.Model.Save(Model(work, "nested", Format(format)), work.Data(1).Schema, work.File("model.zip"));
        using var engine = work.ML.Model.CreatePredictionEngine<Row, Scored>(work.ML.Model.Load(work.File("model.zip"), out _));
        var rows = work.Rows(4);
        var expected = Workplace.Reference(work.Vit.Build(), rows);

        for (int i = 0; i < 4; i++)
            Same.Values(expected[i], engine.Predict(rows[i]).Score, $"row {i}");
    }

    /// <summary>As a pool of engines in a web service does it: the first rows come on all threads at once.</summary>
    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void PredictionEngines_OfOneLoadedModelOnManyThreads_GiveTheSameScores(string format)
    {
        using var work = new Workplace();
        work.ML.Model.Save(Model(work, "nested", Format(format)), work.Data(1).Schema, work.File("model.zip"));
        var model = work.ML.Model.Load(work.File("model.zip"), out _);
        var rows = work.Rows(20);
        var expected = Workplace.Reference(work.Vit.Build(), rows);
        var engines = Enumerable.Range(0, 8).Select(_ => work.ML.Model.CreatePredictionEngine<Row, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false })).ToArray();
        float[][][] found = [.. engines.Select(_ => new float[rows.Length][])];

        Thread[] threads = [.. engines.Select((engine, e) => new Thread(() =>
        {
            for (int i = 0; i < rows.Length; i++)
                found[e][i] = engine.Predict(rows[i]).Score;
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();

        for (int e = 0; e < engines.Length; e++)
            for (int i = 0; i < rows.Length; i++)
                Same.Values(expected[i], found[e][i], $"engine {e}, row {i}");
    }

    [TestMethod]
    public void ModelLoad_OfMappings_WrongLengthNamesInputFoundAndExpected()
    {
        using var work = new Workplace();
        work.ML.Model.Save(Model(work, "alone", SaveFormat.Mapping), work.Data(1).Schema, work.File("model.zip"));
        var loaded = work.ML.Model.Load(work.File("model.zip"), out _);
        foreach (float[]? pixels in new[] { null, new float[5] })
        {
            var view = loaded.Transform(work.ML.Data.LoadFromEnumerable([new Row { Pixels = pixels }]));

            var error = Assert.ThrowsExactly<InvalidOperationException>(() => view.GetColumn<float[]>("Score").First());

            // ML.NET reads ahead on other threads and wraps what they throw.
            StringAssert.Contains(error.GetBaseException().Message, $"holds {pixels?.Length ?? 0} values; the model input '{TinyVit.InputName}' takes [3, 8, 8]");
        }
    }

    /// <summary>ML.NET's own ONNX exports have such names, and its step takes the suffix off.</summary>
    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void ModelLoad_OutputWithTheSuffixOfMLNetsExports_KeepsItsName(string format)
    {
        using var work = new Workplace();
        using var transformer = work.Scoring(saveAs: Format(format), output: "Score.output").Fit(work.Data(1));
        LampQModel.Save(work.ML, transformer, null, work.File("model.zip"));

        foreach (var loaded in new[] { work.ML.Model.Load(work.File("model.zip"), out _), LampQModel.Load(work.ML, work.File("model.zip"), out _) })
        {
            var view = loaded.Transform(work.Data(2));

            Same.Schemas(transformer.Transform(work.Data(2)).Schema, view.Schema);
            Same.Values(transformer.Transform(work.Data(2)).GetColumn<float[]>("Score.output").Last(), view.GetColumn<float[]>("Score.output").Last(), format);
        }
    }

    [TestMethod]
    public void Save_AfterTheModelFileChanged_WritesWhatWasFitted()
    {
        using var work = new Workplace();
        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(2));
        using var transformer = work.Scoring().Fit(work.Data(1));
        new TinyVit { DynamicBatch = true, Seed = 5 }.Build().Write(work.ModelFile);

        work.ML.Model.Save(transformer, null, work.File("model.zip"));

        var found = work.Read(work.ML.Model.Load(work.File("model.zip"), out _).Transform(work.Data(2)));
        for (int i = 0; i < 2; i++)
            Same.Values(expected[i], found[i].Score, $"row {i}");
    }

    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void ModelLoad_OfSeveralInputsAndOutputs_ScoresAll(string format)
    {
        using var work = new Workplace();
        TwoInputs.Model().Write(work.ModelFile);
        // Custom mappings carry floats; the integer output is left to the other form.
        string[] outputs = format == "mapping" ? ["Sum", "Difference"] : ["Sum", "Difference", "Place"];
        var data = work.ML.Data.LoadFromEnumerable(new[] { new Pair { A = [1, 5, 3], B = [10, 20, 30] }, new Pair { A = [7, 2, 2], B = [0, 1, 2] } });
        var step = work.ML.Transforms.ApplyLampQModel(work.ML, work.ModelFile, new LampQScoringOptions { InputColumnNames = ["A", "B"], OutputColumnNames = outputs, SaveAs = Format(format) });
        using var transformer = step.Fit(data);
        work.ML.Model.Save(transformer, data.Schema, work.File("model.zip"));

        var loaded = work.ML.Model.Load(work.File("model.zip"), out _).Transform(data);

        foreach (var view in new[] { transformer.Transform(data), loaded })
        {
            CollectionAssert.AreEqual(new float[] { 11, 25, 33 }, view.GetColumn<float[]>("Sum").First());
            CollectionAssert.AreEqual(new float[] { 7, 1, 0 }, view.GetColumn<float[]>("Difference").Last());
            if (format == "onnx")
                CollectionAssert.AreEqual(new long[] { 1, 0 }, view.GetColumn<long[]>("Place").Select(p => p.Single()).ToArray());
        }
        Same.Schemas(transformer.Transform(data).Schema, loaded.Schema);
    }

    [TestMethod]
    public void Save_IntegerOutputAsMappings_SaysWhichFormatCan()
    {
        using var work = new Workplace();
        TwoInputs.Model().Write(work.ModelFile);
        var data = work.ML.Data.LoadFromEnumerable(new[] { new Pair { A = [1, 5, 3], B = [10, 20, 30] } });
        using var transformer = work.ML.Transforms.ApplyLampQModel(work.ML, work.ModelFile, new LampQScoringOptions { InputColumnNames = ["A", "B"] }).Fit(data);

        var error = Assert.ThrowsExactly<NotSupportedException>(() => LampQModel.Save(work.ML, transformer, data.Schema, work.File("model.zip")));

        StringAssert.Contains(error.Message, "'place'");
        StringAssert.Contains(error.Message, "OnnxSaveFormat");
        Assert.IsFalse(Directory.GetFiles(work.Folder).Any(f => f.Contains("model.zip")));
    }

    [TestMethod]
    public void ModelLoad_OutputOverTheInput_HidesItInBothForms()
    {
        using var work = new Workplace();
        foreach (string format in new[] { "mapping", "onnx" })
        {
            using var transformer = work.Scoring(saveAs: Format(format), output: "Pixels").Fit(work.Data(1));
            work.ML.Model.Save(transformer, null, work.File($"{format}.zip"));

            var loaded = work.ML.Model.Load(work.File($"{format}.zip"), out _).Transform(work.Data(2));

            Same.Values(transformer.Transform(work.Data(2)).GetColumn<float[]>("Pixels").Last(), loaded.GetColumn<float[]>("Pixels").Last(), format);
        }
    }

    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void Save_FixedBatch_ScoresAfterPlainLoadAndInWholeBatchesAfterLampQs(string format)
    {
        using var work = new Workplace();
        var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = 3 }).Apply(work.Vit.Build());
        model.Graph.Inputs[0].Shape = [3, 3, 8, 8];
        model.Write(work.ModelFile);
        using var transformer = work.Scoring(saveAs: Format(format)).Fit(work.Data(1));

        LampQModel.Save(work.ML, transformer, null, work.File("model.zip"));

        var batched = LampQModel.Load(work.ML, work.File("model.zip"), out _);
        Assert.AreEqual(3, Steps(batched).OfType<LampQTransformer>().Single().BatchSize);
        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(4));
        foreach (var loaded in new[] { work.ML.Model.Load(work.File("model.zip"), out _), batched })
        {
            var found = work.Read(loaded.Transform(work.Data(4)));
            for (int i = 0; i < 4; i++)
                Same.Values(expected[i], found[i].Score, $"row {i}");
        }
    }

    [TestMethod]
    public void Save_AsMappings_NeedsNoOnnxStepInTheFile()
    {
        using var work = new Workplace();
        work.ML.Model.Save(Model(work, "chain", SaveFormat.Mapping), null, work.File("mapping.zip"));
        work.ML.Model.Save(Model(work, "chain", OnnxSaveFormat.Instance), null, work.File("onnx.zip"));

        using var mapping = ZipFile.OpenRead(work.File("mapping.zip"));
        using var onnx = ZipFile.OpenRead(work.File("onnx.zip"));

        string[] Names(ZipArchive zip) => [.. zip.Entries.Select(e => e.FullName.Replace('\\', '/'))];
        CollectionAssert.Contains(Names(mapping), "TransformerChain/Transform_001/Transform_001/DefaultMap.idv");
        Assert.IsFalse(Names(mapping).Any(n => n.EndsWith("OnnxModel")));
        CollectionAssert.Contains(Names(onnx), "TransformerChain/Transform_001/OnnxModel");
    }

    static IEnumerable<ITransformer> Steps(ITransformer model) => model is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [model];

    sealed class Pair
    {
        [VectorType(3)]
        public float[] A { get; set; } = [];

        [VectorType(3)]
        public float[] B { get; set; } = [];
    }
}
