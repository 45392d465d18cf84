using System.Text.Json;
using LampQ.Onnx;
using LampQ.Quantization;

namespace LampQ.Cli.Tests;

/// <summary><c>lampq methods</c>, and <c>lampq quantize --method NAME</c> with parts replaced.</summary>
[TestClass]
public sealed class MethodTests
{
    [TestMethod]
    public void Methods_AsJson_ListsEveryRecipe()
    {
        var run = CliRun.Of("methods", "--format", "json");

        run.AssertDone();
        Assert.AreEqual(1, run.Json.GetProperty("schemaVersion").GetInt32());
        var methods = run.Json.GetProperty("methods").EnumerateArray().ToArray();
        CollectionAssert.AreEqual(Recipe.All.Select(r => r.Name).ToArray(), methods.Select(m => m.GetProperty("name").GetString()).ToArray());
        foreach (var method in methods)
        {
            Assert.AreNotEqual("", method.GetProperty("paper").GetString());
            Assert.AreNotEqual("", method.GetProperty("sets").GetString());
        }
        Assert.AreEqual(2026, methods.Single(m => m.GetProperty("name").GetString() == "lampq").GetProperty("year").GetInt32());
        Assert.AreEqual(JsonValueKind.Null, methods[0].GetProperty("year").ValueKind);
    }

    [TestMethod]
    public void Methods_AsText_NamesEveryRecipeAndItsPaper()
    {
        var run = CliRun.Of("methods");

        run.AssertDone();
        foreach (var recipe in Recipe.All)
        {
            StringAssert.Contains(run.Output, recipe.Name);
            StringAssert.Contains(run.Output, recipe.Paper);
        }
    }

    [TestMethod]
    public void Quantize_MethodAndParts_RunsTheRecipeWithThosePartsReplaced()
    {
        using var place = new Workplace();

        var run = CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", place.Images, "--method", "repq-vit", "--target-bits", "5", "--compensate", "gptq", "--format", "json");

        run.AssertDone();
        Assert.AreEqual("repq-vit", run.Json.GetProperty("method").GetString());
        Assert.AreEqual("paper", run.Json.GetProperty("profile").GetString());
        Assert.AreEqual(5, run.Json.GetProperty("averageBits").GetDouble());
        Assert.AreEqual(5, run.Json.GetProperty("attentionBits").GetInt32());
        Assert.AreEqual("gptq", run.Json.GetProperty("compensation").GetString());
        Assert.IsTrue(run.Json.GetProperty("layers").EnumerateArray().All(l => l.GetProperty("bits").GetInt32() == 5));
        Assert.AreEqual("repq-vit", Model.Read(place.Output).Metadata["lampq.method"]);
    }

    [TestMethod]
    public void Quantize_MetricNamedForAMethodOfOneWidth_MixesWidths()
    {
        using var place = new Workplace();

        var run = CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", place.Images, "--method", "repq-vit", "--metric", "sqnr", "--target-bits", "3.5", "--profile", "cpu", "--format", "json");

        run.AssertDone();
        Assert.AreEqual("sqnr", run.Json.GetProperty("metric").GetString());
        Assert.AreEqual("cpu", run.Json.GetProperty("profile").GetString());
        Assert.AreEqual(8, run.Json.GetProperty("attentionBits").GetInt32());
        Assert.IsTrue(run.Json.GetProperty("layers").EnumerateArray().Select(l => l.GetProperty("bits").GetInt32()).Distinct().Count() > 1);
    }

    [TestMethod]
    public void Quantize_LatencyBudget_SaysWhatWasPredictedAndMeasured()
    {
        using var place = new Workplace();

        var run = place.Quantize("--max-latency", "1000", "--format", "json");

        run.AssertDone();
        Assert.AreEqual(1000, run.Json.GetProperty("maxLatency").GetDouble());
        Assert.IsTrue(run.Json.GetProperty("predictedLatency").GetDouble() is > 0 and < 1000);
        Assert.IsTrue(run.Json.GetProperty("milliseconds").GetProperty("quantized").GetDouble() > 0);
    }

    [TestMethod]
    public void Quantize_LatencyBelowTheReachable_IsAnInfeasibleBudgetNamingTheSmallest()
    {
        using var place = new Workplace();

        place.Quantize("--max-latency", "0.000001").AssertRefused(4, "--max-latency is 1E-06 ms", "smallest reachable", "Raise the budget");
    }

    [TestMethod]
    public void Quantize_TooFewImagesForAMethod_IsAUsageErrorSayingHowMany()
    {
        using var place = new Workplace();

        place.Quantize("--method", "erq", "--images", "3").AssertRefused(2, "erq", "needs 8");
    }
}
