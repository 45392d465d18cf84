#if LAMPQ_REAL_MLNET
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using LampQ.Quantization;
using LampQ.Quantization.Tests;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;
#endif

namespace LampQ.Transforms.Tests;

/// <summary>What only ML.NET's own packages can show; with the stand-ins of eng/offline these are skipped.</summary>
[TestClass]
[TestCategory("RealMLNet")]
public class RealMLNetTests
{
    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void Trainer_OnQuantizedFeatures_LearnsAndIsLoadedAgain(string format)
    {
#if LAMPQ_REAL_MLNET
        using var work = new Workplace();
        // The step in the middle of built-in ones, as whoever writes an estimator of his own wants to save it (dotnet/machinelearning issues 4911 and 6839).
        var chain = work.ML.Transforms.CopyColumns("Picture", "Pixels")
            .Append(work.ML.Transforms.LampQ(work.ML, work.Options() with { InputColumnNames = ["Picture"], SaveAs = Format(format) }))
            .AppendCacheCheckpoint(work.ML)
            .Append(work.ML.Transforms.NormalizeMinMax("Score"))
            .Append(work.ML.MulticlassClassification.Trainers.SdcaMaximumEntropy(featureColumnName: "Score", maximumNumberOfIterations: 5));
        var data = work.Data(50);
        var model = chain.Fit(data);
        var before = work.ML.MulticlassClassification.Evaluate(model.Transform(data), scoreColumnName: "Score");
        work.ML.Model.Save(model, data.Schema, work.File("model.zip"));

        var loaded = work.ML.Model.Load(work.File("model.zip"), out _);

        var after = work.ML.MulticlassClassification.Evaluate(loaded.Transform(data), scoreColumnName: "Score");
        Assert.IsTrue(double.IsFinite(before.LogLoss), $"{before.LogLoss}");
        Assert.AreEqual(before.LogLoss, after.LogLoss, 1e-4);
        using var engine = work.ML.Model.CreatePredictionEngine<Row, Named>(loaded);
        uint[] expected = [.. model.Transform(data).GetColumn<uint>("PredictedLabel").Take(3)];
        CollectionAssert.AreEqual(expected, work.Rows(3).Select(r => engine.Predict(r).PredictedLabel).ToArray());
#else
        Skip(format);
#endif
    }

    [TestMethod]
    [DataRow("FastTree")]
    [DataRow("LightGbm")]
    public void TreeTrainer_OnQuantizedFeatures_LearnsAndIsLoadedAgain(string trainer)
    {
#if LAMPQ_TREE_TRAINERS
        if (trainer == "LightGbm" && RuntimeInformation.ProcessArchitecture != Architecture.X64)
            Assert.Inconclusive($"The package LightGBM has no native library for {RuntimeInformation.ProcessArchitecture}.");
        using var work = new Workplace();
        IEstimator<ITransformer> trees = trainer == "LightGbm"
            ? work.ML.MulticlassClassification.Trainers.LightGbm(featureColumnName: "Score", minimumExampleCountPerLeaf: 1, numberOfIterations: 10)
            : work.ML.MulticlassClassification.Trainers.OneVersusAll(work.ML.BinaryClassification.Trainers.FastTree(featureColumnName: "Score", minimumExampleCountPerLeaf: 1, numberOfTrees: 10));
        var chain = work.ML.Transforms.LampQ(work.ML, work.Options()).AppendCacheCheckpoint(work.ML).Append(trees);
        var data = work.Data(50);

        var model = chain.Fit(data);
        work.ML.Model.Save(model, data.Schema, work.File("model.zip"));

        uint[] predicted = [.. model.Transform(data).GetColumn<uint>("PredictedLabel")], labels = [.. data.GetColumn<uint>("Label")];
        // One of five by chance; trees of single rows remember what they saw.
        Assert.IsTrue(predicted.Zip(labels).Count(p => p.First == p.Second) > 40, string.Join(",", predicted));
        CollectionAssert.AreEqual(predicted, work.ML.Model.Load(work.File("model.zip"), out _).Transform(data).GetColumn<uint>("PredictedLabel").ToArray());
#else
        Skip(trainer);
#endif
    }

    [TestMethod]
    public void CrossValidate_WithTheStepInEveryFold_GivesMetrics()
    {
#if LAMPQ_REAL_MLNET
        using var work = new Workplace();
        var chain = work.Scoring(output: "Features").Append(work.ML.MulticlassClassification.Trainers.LbfgsMaximumEntropy(featureColumnName: "Features"));

        var folds = work.ML.MulticlassClassification.CrossValidate(work.Data(60), chain, numberOfFolds: 3);

        Assert.AreEqual(3, folds.Count);
        Assert.IsTrue(folds.All(f => f.Metrics.LogLoss is > 0 and < 10), string.Join(", ", folds.Select(f => f.Metrics.LogLoss)));
#else
        Skip("cross-validation");
#endif
    }

    [TestMethod]
    public void Save_AsOnnx_NamesNoLampQAssembly()
    {
#if LAMPQ_REAL_MLNET
        using var work = new Workplace();
        using var transformer = work.Scoring(saveAs: OnnxSaveFormat.Instance).Fit(work.Data(1));
        work.ML.Model.Save(transformer, work.Data(1).Schema, work.File("model.zip"));

        using var zip = ZipFile.OpenRead(work.File("model.zip"));

        // Model.key holds the loader's name and its assembly's: what a loading program must have.
        foreach (var entry in zip.Entries.Where(e => e.Name == "Model.key"))
        {
            using var reader = new BinaryReader(entry.Open());
            byte[] bytes = reader.ReadBytes((int)entry.Length);
            Assert.IsFalse(Encoding.Unicode.GetString(bytes).Contains("LampQ", StringComparison.Ordinal) || Encoding.Latin1.GetString(bytes).Contains("LampQ", StringComparison.Ordinal), entry.FullName);
        }
#else
        Skip("files");
#endif
    }

    /// <summary>The chain of docs/mlnet.md: files to pixels by ML.NET's own steps, then LampQ's.</summary>
    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void ImageSteps_BeforeTheStep_GiveTheScoresOfTheSamePixels(string format)
    {
#if LAMPQ_IMAGE_ANALYTICS
        using var work = new Workplace();
        byte[][] images = [.. Enumerable.Range(0, 5).Select(seed => Pixels(seed, 12, 8))];
        for (int i = 0; i < images.Length; i++)
            File.WriteAllBytes(work.File($"{i}.png"), TestImages.Png(12, 8, images[i]));
        var data = work.ML.Data.LoadFromEnumerable(Enumerable.Range(0, images.Length).Select(i => new ImageFile { ImagePath = $"{i}.png" }));
        var chain = work.ML.Transforms.LoadImages("Image", work.Folder, "ImagePath")
            .Append(work.ML.Transforms.ResizeImages("Image", 8, 8, resizing: Microsoft.ML.Transforms.Image.ImageResizingEstimator.ResizingKind.IsoCrop))
            .Append(work.ML.Transforms.ExtractPixels("Pixels", "Image", scaleImage: 1 / 127.5f, offsetImage: 127.5f))
            .Append(work.Scoring(batchSize: 2, saveAs: Format(format)));
        var model = chain.Fit(data);
        LampQModel.Save(work.ML, model, data.Schema, work.File("model.zip"));

        // 12 × 8 is cut to the middle 8 × 8 without resampling, so the pixels are known: channels first, from -1 to 1.
        Row[] rows = [.. images.Select(image => new Row { Pixels = [.. from channel in Enumerable.Range(0, 3) from y in Enumerable.Range(0, 8) from x in Enumerable.Range(2, 8) select (image[(y * 12 + x) * 3 + channel] - 127.5f) / 127.5f] })];
        var expected = Workplace.Reference(work.Vit.Build(), rows);
        foreach (var step in new[] { model, work.ML.Model.Load(work.File("model.zip"), out _), LampQModel.Load(work.ML, work.File("model.zip"), out _) })
        {
            float[][] found = [.. step.Transform(data).GetColumn<float[]>("Score")];
            Assert.AreEqual(images.Length, found.Length);
            for (int i = 0; i < found.Length; i++)
                Same.Values(expected[i], found[i], $"image {i}");
        }
#else
        Skip(format);
#endif
    }

    [TestMethod]
    public void Fit_BehindImageSteps_QuantizesOnDrawnImages()
    {
#if LAMPQ_IMAGE_ANALYTICS
        using var work = new Workplace();
        for (int i = 0; i < 12; i++)
            File.WriteAllBytes(work.File($"{i}.png"), TestImages.Png(8, 8, Pixels(i, 8, 8)));
        var data = work.ML.Data.LoadFromEnumerable(Enumerable.Range(0, 12).Select(i => new ImageFile { ImagePath = $"{i}.png" }));
        var chain = work.ML.Transforms.LoadImages("Image", work.Folder, "ImagePath")
            .Append(work.ML.Transforms.ResizeImages("Image", 8, 8, resizing: Microsoft.ML.Transforms.Image.ImageResizingEstimator.ResizingKind.IsoCrop))
            .Append(work.ML.Transforms.ExtractPixels("Pixels", "Image", scaleImage: 1 / 127.5f, offsetImage: 127.5f))
            .Append(work.ML.Transforms.LampQ(work.ML, work.Options() with { CalibrationSampling = CalibrationSampling.WholeData }));

        var model = chain.Fit(data);

        Assert.AreEqual(6, model.LastTransformer.Report!.Rows);
        Assert.AreEqual(12, model.Transform(data).GetColumn<float[]>("Score").Count(s => s.Length == 5 && s.All(float.IsFinite)));
#else
        Skip("images");
#endif
    }

#if LAMPQ_REAL_MLNET
    static SaveFormat Format(string name) => name == "onnx" ? OnnxSaveFormat.Instance : SaveFormat.Mapping;

    static byte[] Pixels(int seed, int width, int height)
    {
        byte[] pixels = new byte[3 * width * height];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }

    sealed class ImageFile
    {
        public string ImagePath { get; set; } = "";
    }

    sealed class Named
    {
        public uint PredictedLabel { get; set; }
    }
#endif

#if !LAMPQ_IMAGE_ANALYTICS || !LAMPQ_TREE_TRAINERS
    static void Skip(string what) => Assert.Inconclusive($"Needs ML.NET's own packages ({what}); this build has the stand-ins of eng/offline.");
#endif
}
