using System.Text.Json;
using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary><c>lampq benchmark</c>.</summary>
[TestClass]
public sealed class BenchmarkTests
{
    [TestMethod]
    public void Json_QuantizedAgainstFloat_TimesThreeEnginesASettingAndDividesTheirMedians()
    {
        using var place = new Workplace(new TinyVit { DynamicBatch = true });
        place.Quantize().AssertDone();

        var run = CliRun.Of("benchmark", place.Output, "--against", place.Model, "--threads", "1,2", "--batch", "1,3", "--seconds", "1", "--format", "json");

        run.AssertDone();
        var json = run.Json;
        Assert.AreEqual(1, json.GetProperty("schemaVersion").GetInt32());
        foreach (string name in new[] { "cpu", "onnxRuntime", "model", "against", "waitingThreads" })
            Assert.AreNotEqual("", json.GetProperty(name).GetString(), name);
        Assert.IsTrue(json.GetProperty("kernels").GetArrayLength() > 0);
        var runs = json.GetProperty("runs").EnumerateArray().ToArray();
        Assert.AreEqual(3 * 4, runs.Length);
        Assert.IsTrue(runs.All(r => r.GetProperty("bestMs").GetDouble() > 0 && r.GetProperty("medianMs").GetDouble() >= r.GetProperty("bestMs").GetDouble()));
        var ratios = json.GetProperty("ratios").EnumerateArray().ToArray();
        CollectionAssert.AreEqual(new[] { (1, 1), (1, 3), (2, 1), (2, 3) }, ratios.Select(Setting).ToArray());
        foreach (var ratio in ratios)
        {
            double Median(string engine) => runs.Single(r => r.GetProperty("engine").GetString() == engine && Setting(r) == Setting(ratio)).GetProperty("medianMs").GetDouble();
            Assert.AreEqual(Median("onnxruntime-against") / Median("lampq"), ratio.GetProperty("againstFp32").GetDouble(), 1e-9);
            Assert.AreEqual(Median("onnxruntime") / Median("lampq"), ratio.GetProperty("againstOnnxRuntimeInt8").GetDouble(), 1e-9);
        }

        static (int, int) Setting(JsonElement element) => (element.GetProperty("threads").GetInt32(), element.GetProperty("batch").GetInt32());
    }

    [TestMethod]
    public void Json_PackedModel_RunsOnLampQAlone()
    {
        using var place = new Workplace();
        place.Quantize("--export", "packed").AssertDone();

        var run = CliRun.Of("benchmark", place.Output, "--threads", "1", "--seconds", "1", "--format", "json");

        run.AssertDone();
        Assert.AreEqual("lampq", run.Json.GetProperty("runs").EnumerateArray().Single().GetProperty("engine").GetString());
        Assert.AreEqual(JsonValueKind.Null, run.Json.GetProperty("ratios")[0].GetProperty("againstFp32").ValueKind);
        Assert.AreEqual(JsonValueKind.Null, run.Json.GetProperty("ratios")[0].GetProperty("againstOnnxRuntimeInt8").ValueKind);
        StringAssert.Contains(run.Error, "packed");
    }

    [TestMethod]
    public void Text_FloatModel_SaysWhatWasMeasured()
    {
        using var place = new Workplace();

        var run = CliRun.Of("benchmark", place.Model, "--threads", "1", "--seconds", "1", "--sleep");

        run.AssertDone();
        StringAssert.Contains(run.Output, "waiting threads sleep");
        StringAssert.Contains(run.Output, "median ms");
    }

    [TestMethod]
    [DataRow("--threads", "0")]
    [DataRow("--threads", "1,1")]
    [DataRow("--batch", "1;8")]
    [DataRow("--seconds", "0")]
    public void Run_NumbersThatMakeNoSense_AreRefusedWithWhatIsExpected(string option, string value)
    {
        using var place = new Workplace();

        var run = CliRun.Of("benchmark", place.Model, option, value);

        run.AssertRefused(ExitCodes.Usage, option, value, "expected");
    }

    [TestMethod]
    public void Run_AgainstAModelWithAnotherInput_IsRefusedNamingBothShapes()
    {
        using var place = new Workplace();
        string other = place.Write("other.onnx", new TinyVit { ImageSize = 12 }.Build());

        var run = CliRun.Of("benchmark", place.Model, "--against", other);

        run.AssertRefused(ExitCodes.Model, "3,8,8", "3,12,12");
    }
}
