using System.Text.Json;
using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary><c>lampq eval</c>, against predictions of ONNX Runtime asked image by image.</summary>
[TestClass]
public sealed class EvalTests
{
    [TestMethod]
    public void Json_LabelsPartlyRight_CountsTheRightOnes()
    {
        using var place = new Workplace();
        var (files, predictions) = place.WriteArrays(8);
        // Two of eight are given another class than the model predicts, one has no class.
        var lines = files.Select((file, i) => i == 7 ? file : $"{file}\t{(i < 2 ? (predictions[i] + 1) % 5 : predictions[i])}");
        string labels = place.Write("labels.tsv", string.Join("\n", lines));

        var run = CliRun.Of("eval", place.Model, "--data", labels, "--format", "json");

        run.AssertDone();
        var json = run.Json;
        Assert.AreEqual(1, json.GetProperty("schemaVersion").GetInt32());
        Assert.AreEqual(8, json.GetProperty("images").GetInt32());
        Assert.AreEqual(7, json.GetProperty("labelled").GetInt32());
        Assert.AreEqual(5.0 / 7, json.GetProperty("top1").GetDouble(), 1e-12);
        // Of five classes every one is among the first five.
        Assert.AreEqual(1, json.GetProperty("top5").GetDouble());
        Assert.AreEqual(JsonValueKind.Null, json.GetProperty("agreement").ValueKind);
        Assert.AreEqual(JsonValueKind.Null, json.GetProperty("meanKl").ValueKind);
        Assert.IsTrue(json.GetProperty("imagesPerSecond").GetDouble() > 0);
    }

    [TestMethod]
    public void Json_ModelIsItsOwnReference_AgreesEverywhere()
    {
        using var place = new Workplace();

        var json = CliRun.Of("eval", place.Model, "--data", place.Images, "--reference", place.Model, "--format", "json").Json;

        Assert.AreEqual(1, json.GetProperty("agreement").GetDouble());
        Assert.AreEqual(0, json.GetProperty("meanKl").GetDouble());
        Assert.AreEqual(JsonValueKind.Null, json.GetProperty("top1").ValueKind);
    }

    [TestMethod]
    public void Json_PackedModel_AnswersAsThePortableOneOfTheSameIntegers()
    {
        using var place = new Workplace();
        place.Quantize("--method", "uniform", "--uniform-bits", "5").AssertDone();
        string portable = place["portable.onnx"];
        File.Move(place.Output, portable);
        place.Quantize("--method", "uniform", "--uniform-bits", "5", "--export", "packed").AssertDone();
        Assert.AreEqual(LampQDomain.Version, Model.Read(place.Output).Opsets[LampQDomain.Name]);

        var run = CliRun.Of("eval", place.Output, "--data", place.Images, "--reference", portable, "--format", "json");
        double noise = CliRun.Of("eval", portable, "--data", place.Images, "--reference", place.Model, "--format", "json").Json.GetProperty("meanKl").GetDouble();

        run.AssertDone();
        // KL grows with the square of the distance of the logits, of which half the quantization error is allowed.
        Assert.IsTrue(run.Json.GetProperty("meanKl").GetDouble() <= .25 * noise, $"{run.Json} against {noise}");
    }

    [TestMethod]
    public void Json_UnknownKernel_IsRefusedInOneLine()
    {
        using var place = new Workplace();
        place.Quantize("--export", "packed").AssertDone();
        string? before = Environment.GetEnvironmentVariable("LAMPQ_KERNEL");
        try
        {
            Environment.SetEnvironmentVariable("LAMPQ_KERNEL", "abacus");
            var run = CliRun.Of("eval", place.Output, "--data", place.Images, "--format", "json");
            run.AssertRefused(2, "LAMPQ_KERNEL=abacus names no kernel");
            Assert.AreEqual(1, run.Error.TrimEnd().Split('\n').Length);
        }
        finally
        {
            Environment.SetEnvironmentVariable("LAMPQ_KERNEL", before);
        }
    }

    [TestMethod]
    public void Json_BatchFixedAtThreeAndSevenImages_SaysTheSameAsADynamicBatch()
    {
        using var place = new Workplace(new TinyVit { DynamicBatch = true });
        var three = new FixInputShapes(new Dictionary<string, long> { ["batch"] = 3 }).Apply(place.Vit.Build());
        Assert.AreEqual(3L, three.Graph.Inputs[0].Shape![0].Size);

        var run = CliRun.Of("eval", place.Write("three.onnx", three), "--data", place.Images, "--reference", place.Model, "--batch", "4", "--format", "json");

        run.AssertDone();
        Assert.AreEqual(Workplace.Pictures, run.Json.GetProperty("images").GetInt32());
        Assert.AreEqual(3, run.Json.GetProperty("batch").GetInt32());
        Assert.AreEqual(1, run.Json.GetProperty("agreement").GetDouble());
        // The same sums in another order: float rounding of a few 1e-7 in the scores.
        Assert.AreEqual(0, run.Json.GetProperty("meanKl").GetDouble(), 1e-9);
    }

    [TestMethod]
    public void Limit_ThreeOfSeven_RunsThree()
    {
        using var place = new Workplace();

        Assert.AreEqual(3, CliRun.Of("eval", place.Model, "--data", place.Images, "--limit", "3", "--format", "json").Json.GetProperty("images").GetInt32());
    }

    [TestMethod]
    public void Reference_OtherNumberOfClasses_Is3()
    {
        using var place = new Workplace();
        string other = place.Write("other.onnx", new TinyVit { Classes = 6 }.Build());

        CliRun.Of("eval", place.Model, "--data", place.Images, "--reference", other).AssertRefused(3, "6 classes", "5");
    }

    [TestMethod]
    public void Text_WithoutLabels_SaysOnStderrWhyTop1IsMissing()
    {
        using var place = new Workplace();

        var run = CliRun.Of("eval", place.Model, "--data", place.Images);

        run.AssertDone();
        StringAssert.Contains(run.Error, "labels.tsv");
        StringAssert.Contains(run.Output, "images/s");
    }

    [TestMethod]
    public void Preprocessing_NothingSaid_IsTheDefaultInOneLineOnStderr()
    {
        using var place = new Workplace();

        string[] lines = CliRun.Of("eval", place.Model, "--data", place.Images).Error.Split(Environment.NewLine);

        string line = lines.Single(l => l.StartsWith("preprocessing:", StringComparison.Ordinal));
        foreach (string word in new[] { "no resize", "centre crop 8×8", "0.485,0.456,0.406", "0.229,0.224,0.225", "default" })
            StringAssert.Contains(line, word);
    }

    [TestMethod]
    [DataRow("images/preprocessor_config.json")]
    [DataRow("preprocessor_config.json")]
    public void Preprocessing_ConfigurationBesideDataOrModel_IsUsedAndOptionsReplaceItsSteps(string place2)
    {
        using var place = new Workplace();
        place.Write(place2, """{"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}""");

        string plain = CliRun.Of("eval", place.Model, "--data", place.Images).Error;
        string replaced = CliRun.Of("eval", place.Model, "--data", place.Images, "--mean", "0.1,0.2,0.3", "--resize", "9", "--crop", "8").Error;

        StringAssert.Contains(plain, "resize to 8×8");
        StringAssert.Contains(plain, "mean 0.5,0.5,0.5, std 0.25,0.25,0.25");
        StringAssert.Contains(plain, "preprocessor_config.json");
        StringAssert.Contains(replaced, "resize shorter side to 9");
        StringAssert.Contains(replaced, "mean 0.1,0.2,0.3, std 0.25,0.25,0.25");
    }
}
