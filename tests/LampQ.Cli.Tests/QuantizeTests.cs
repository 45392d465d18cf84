using System.Text.Json;
using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary><c>lampq quantize</c> on a tiny transformer.</summary>
[TestClass]
public sealed class QuantizeTests
{
    [TestMethod]
    public void Json_DefaultRun_HasEveryDocumentedFieldAndKeepsTheBudget()
    {
        using var place = new Workplace();

        var run = CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", place.Images, "--refinement-steps", "2", "--format", "json");

        run.AssertDone();
        var json = run.Json;
        Assert.AreEqual(1, json.GetProperty("schemaVersion").GetInt32());
        Assert.AreEqual(new FileInfo(place.Output).Length, json.GetProperty("bytes").GetProperty("quantized").GetInt64());
        Assert.AreEqual(new FileInfo(place.Model).Length, json.GetProperty("bytes").GetProperty("fp32").GetInt64());
        foreach (string stage in new[] { "calibrate", "sensitivity", "solve", "refine", "compensate", "write", "total" })
            Assert.IsTrue(json.GetProperty("seconds").GetProperty(stage).GetDouble() >= 0, stage);
        Assert.IsTrue(json.GetProperty("seconds").GetProperty("total").GetDouble() > json.GetProperty("seconds").GetProperty("sensitivity").GetDouble());
        Assert.AreEqual("optimal", json.GetProperty("proof").GetProperty("status").GetString());
        Assert.AreEqual(4, json.GetProperty("targetBits").GetDouble());
        var accuracy = json.GetProperty("accuracy");
        Assert.AreEqual(Workplace.Pictures, accuracy.GetProperty("images").GetInt32());
        Assert.IsTrue(accuracy.GetProperty("agreement").GetDouble() is >= 0 and <= 1);
        Assert.IsTrue(accuracy.GetProperty("meanKl").GetDouble() > 0);
        Assert.AreEqual(JsonValueKind.Null, accuracy.GetProperty("top1").ValueKind);
        Assert.IsTrue(json.GetProperty("milliseconds").GetProperty("fp32").GetDouble() > 0);
        Assert.IsTrue(json.GetProperty("milliseconds").GetProperty("quantized").GetDouble() > 0);
        Assert.IsTrue(json.GetProperty("milliseconds").GetProperty("threads").GetInt32() >= 1);

        var layers = json.GetProperty("layers").EnumerateArray().ToArray();
        Assert.AreEqual(place.Vit.LayerCount, layers.Length);
        long bits = 0, parameters = 0;
        foreach (var layer in layers)
            if (layer.GetProperty("type").GetString() is "patch-embedding" or "head")
            {
                Assert.AreEqual(8, layer.GetProperty("bits").GetInt32());
                Assert.AreEqual(JsonValueKind.Null, layer.GetProperty("sensitivity").ValueKind);
            }
            else
            {
                Assert.IsTrue(layer.GetProperty("sensitivity").GetDouble() >= 0);
                parameters += layer.GetProperty("parameters").GetInt64();
                bits += layer.GetProperty("parameters").GetInt64() * layer.GetProperty("bits").GetInt32();
            }
        Assert.AreEqual((double)bits / parameters, json.GetProperty("averageBits").GetDouble(), 1e-9);
        Assert.IsTrue(bits <= 4 * parameters, $"{bits} bits of {4 * parameters}");
    }

    [TestMethod]
    public void Quantize_WithAWayOfCompensation_SaysSoInReportAndFile()
    {
        using var place = new Workplace();
        var run = CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", place.Images, "--method", "uniform", "--compensate", "gptq", "--activation-range", "percentile",
            "--weight-scale", "output-mse", "--format", "json");
        run.AssertDone();
        Assert.AreEqual("gptq", run.Json.GetProperty("compensation").GetString());
        Assert.AreEqual("gptq", LampQ.Onnx.Model.Read(place.Output).Metadata["lampq.compensation"]);
    }

    [TestMethod]
    public void Run_SameSeedTwice_WritesTheSameBytes()
    {
        using var place = new Workplace();
        place.Quantize("--images", "4", "--seed", "5").AssertDone();
        byte[] first = File.ReadAllBytes(place.Output);

        place.Quantize("--images", "4", "--seed", "5").AssertDone();

        CollectionAssert.AreEqual(first, File.ReadAllBytes(place.Output));
    }

    [TestMethod]
    public void Run_OtherSeed_DrawsOtherImages()
    {
        using var place = new Workplace();
        // Uniform and one image: what differs between the files is what was calibrated on.
        string[] options = ["--images", "1", "--method", "uniform"];
        place.Quantize([.. options, "--seed", "1"]).AssertDone();
        byte[] first = File.ReadAllBytes(place.Output);

        place.Quantize([.. options, "--seed", "2"]).AssertDone();

        CollectionAssert.AreNotEqual(first, File.ReadAllBytes(place.Output));
    }

    [TestMethod]
    public void Text_DefaultRun_StreamsAreSeparateAndTheBaselineComesFirst()
    {
        using var place = new Workplace();

        var run = place.Quantize("--method", "uniform");

        run.AssertDone();
        int baseline = run.Error.IndexOf("fp32 baseline: no labels: agreement only", StringComparison.Ordinal), calibrating = run.Error.IndexOf("Calibrating", StringComparison.Ordinal);
        Assert.IsTrue(baseline >= 0 && calibrating > baseline, run.Error);
        foreach (string word in new[] { "layer ", "sensitivity", "agreement", "mean KL", "ms per image", "threads", "no labels: agreement only" })
            StringAssert.Contains(run.Output, word);
        Assert.IsFalse(run.Output.Contains("Calibrating", StringComparison.Ordinal));
    }

    [TestMethod]
    public void Run_FileLongerThanLampQWouldWriteIt_ReportsTheFilesLength()
    {
        using var place = new Workplace();
        // Field 1 (IR version) once more: the same model in two bytes more.
        File.WriteAllBytes(place.Model, [.. File.ReadAllBytes(place.Model), 0x08, (byte)Model.Read(place.Model).IrVersion]);

        var run = place.Quantize("--method", "uniform", "--format", "json");

        run.AssertDone();
        Assert.AreEqual(new FileInfo(place.Model).Length, run.Json.GetProperty("bytes").GetProperty("fp32").GetInt64());
    }

    [TestMethod]
    public void Run_WeightsBesideTheModel_ReportsTheLengthOfOneFileWithAllOfThem()
    {
        using var place = new Workplace();
        // graph (7) { initializer (5) { dims (1): 100, data_type (2): float, name (8), external_data (13) { "location", "w" }, data_location (14): external } }, merged into the graph.
        byte[] weights = [0x0A, 1, 100, 0x10, 1, 0x42, 5, .. "extra"u8, 0x6A, 13, 0x0A, 8, .. "location"u8, 0x12, 1, .. "w"u8, 0x70, 1];
        place.Write("w", new byte[400]);
        File.WriteAllBytes(place.Model, [.. File.ReadAllBytes(place.Model), 0x3A, (byte)(weights.Length + 2), 0x2A, (byte)weights.Length, .. weights]);

        var run = place.Quantize("--method", "uniform", "--format", "json");

        run.AssertDone();
        long bytes = run.Json.GetProperty("bytes").GetProperty("fp32").GetInt64();
        Assert.AreEqual(Model.Read(place.Model).ToBytes().LongLength, bytes);
        Assert.IsTrue(bytes > new FileInfo(place.Model).Length, $"{bytes}");
    }

    [TestMethod]
    public void Run_LabelsKnown_SaysTop1OfBoth()
    {
        using var place = new Workplace();
        var (files, predictions) = place.WriteArrays(6);
        string labels = place.Write("labels.tsv", string.Join("\n", files.Select((file, i) => $"{file}\t{predictions[i]}")));

        var run = CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", labels, "--method", "uniform", "--uniform-bits", "8", "--format", "json");

        run.AssertDone();
        StringAssert.Contains(run.Error, "fp32 baseline: top-1 100.00 % of 6");
        Assert.IsFalse(run.Error.Contains("preprocessing:", StringComparison.Ordinal), "arrays are used as they are");
        Assert.AreEqual(1, run.Json.GetProperty("accuracy").GetProperty("fp32Top1").GetDouble());
        // Classes are the float model's own predictions, so that being right is agreeing.
        Assert.AreEqual(run.Json.GetProperty("accuracy").GetProperty("agreement").GetDouble(), run.Json.GetProperty("accuracy").GetProperty("top1").GetDouble(), 1e-12);
    }

    [TestMethod]
    public void Uniform_BudgetGivenToo_TakesUniformBitsAndSaysThatTheBudgetHasNoEffect()
    {
        using var place = new Workplace();

        var run = place.Quantize("--method", "uniform", "--uniform-bits", "3", "--target-bits", "5", "--format", "json");

        run.AssertDone();
        StringAssert.Contains(run.Error, "--target-bits has no effect");
        Assert.AreEqual(3, run.Json.GetProperty("averageBits").GetDouble());
        Assert.AreEqual(JsonValueKind.Null, run.Json.GetProperty("proof").ValueKind);
        Assert.AreEqual(JsonValueKind.Null, run.Json.GetProperty("targetBits").ValueKind);
    }

    [TestMethod]
    public void BitsFor_TypeAndName_FixTheWidths()
    {
        using var place = new Workplace();
        string name = CliRun.Of("inspect", place.Model, "--format", "json").Json.GetProperty("layers")[2].GetProperty("name").GetString()!;

        var run = place.Quantize("--method", "uniform", "--bits-for", "head=5", "--bits-for", $"{name}=7", "--format", "json");

        run.AssertDone();
        var layers = run.Json.GetProperty("layers").EnumerateArray().ToArray();
        Assert.AreEqual(5, layers[^1].GetProperty("bits").GetInt32());
        Assert.AreEqual(7, layers[2].GetProperty("bits").GetInt32());
        Assert.AreEqual(8, layers[0].GetProperty("bits").GetInt32());
        Assert.AreEqual(4, layers[1].GetProperty("bits").GetInt32());
    }

    [TestMethod]
    public void MaxSize_Given_ImpliesInt4AndSaysThatItIsNotFast()
    {
        using var place = new Workplace();

        var run = place.Quantize("--max-size", "60KB", "--format", "json");

        run.AssertDone();
        Assert.AreEqual("int4", run.Json.GetProperty("container").GetString());
        Assert.AreEqual(60_000, run.Json.GetProperty("maxSize").GetInt64());
        Assert.IsTrue(new FileInfo(place.Output).Length <= 60_000);
        Assert.IsTrue(run.Json.GetProperty("notes").EnumerateArray().Any(n => n.GetString()!.Contains("multiplies in float", StringComparison.Ordinal)));
        Assert.AreEqual(21, Model.Read(place.Output).Opset);
    }

    [TestMethod]
    public void Quantize_WithRuleAndBitOperations_SaysBothAndTheFront()
    {
        using var place = new Workplace();
        var run = place.Quantize("--metric", "sqnr", "--allocation", "pareto", "--max-bops", "1G", "--norm-transformation", "smoothquant-bias", "--format", "json");

        run.AssertDone();
        Assert.AreEqual("sqnr", run.Json.GetProperty("metric").GetString());
        Assert.AreEqual("pareto", run.Json.GetProperty("allocation").GetString());
        Assert.AreEqual(1_000_000_000, run.Json.GetProperty("maxBops").GetInt64());
        double[] bits = [.. run.Json.GetProperty("front").EnumerateArray().Select(p => p.GetProperty("averageBits").GetDouble())];
        Assert.IsTrue(bits.Length > 5 && bits[0] == 2 && bits.SequenceEqual(bits.Order()), string.Join(" ", bits));
    }

    [TestMethod]
    [DataRow("type-aware-fisher", "--fisher-layers", "1")]
    [DataRow("type-aware-fisher", "--fisher-bits", "2")]
    [DataRow("fisher-damage", "--fisher-draws", "7")]
    public void Metric_AnotherOptionOfIt_ChangesWhatIsMeasured(string metric, string option, string value)
    {
        using var place = new Workplace();
        double[] Sensitivities(params string[] more) => [.. place.Quantize(["--metric", metric, "--format", "json", .. more]).Json.GetProperty("layers").EnumerateArray()
            .Where(l => l.GetProperty("sensitivity").ValueKind == JsonValueKind.Number).Select(l => l.GetProperty("sensitivity").GetDouble())];

        double[] before = Sensitivities(), after = Sensitivities(option, value);

        Assert.AreEqual(before.Length, after.Length);
        CollectionAssert.AreNotEqual(before, after);
    }

    [TestMethod]
    public void FisherGamma_Given_MakesDamageFallByItWithEachBit()
    {
        using var place = new Workplace();
        // Two bits, γ = 3: the proof's damage at 2 bits everywhere is 3 times that at 3 bits everywhere.
        double Damage(string bits) => place.Quantize("--metric", "type-aware-fisher", "--fisher-gamma", "3", "--bits", "2,3", "--target-bits", bits, "--format", "json")
            .Json.GetProperty("proof").GetProperty("damage").GetDouble();

        Assert.AreEqual(3, Damage("2") / Damage("3"), 1e-9);
    }

    [TestMethod]
    public void Synthetic_AskedFor_WarnsAndRunsInOnnxRuntime()
    {
        using var place = new Workplace(new TinyVit { DynamicBatch = true });

        var run = CliRun.Of("quantize", place.Model, "-o", place.Output, "--synthetic", "--images", "4", "--method", "uniform", "--profile", "paper");

        run.AssertDone();
        StringAssert.Contains(run.Error, "random numbers");
        using var session = new OnnxSession(Model.Read(place.Output));
        var scores = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = place.Vit.Images(batch: 2) })[0];
        Assert.AreEqual("2,5", string.Join(",", scores.Shape));
    }

    [TestMethod]
    public void Run_BatchFixedAtThree_UsesWholeBatchesAndSaysSo()
    {
        using var place = new Workplace(new TinyVit { DynamicBatch = true });
        string three = place.Write("three.onnx", new FixInputShapes(new Dictionary<string, long> { ["batch"] = 3 }).Apply(place.Vit.Build()));

        var run = CliRun.Of("quantize", three, "-o", place.Output, "--data", place.Images, "--refinement-steps", "0", "--sensitivity-images", "4", "--format", "json");

        run.AssertDone();
        StringAssert.Contains(run.Error, "6 of 7 images");
        Assert.AreEqual(6, run.Json.GetProperty("accuracy").GetProperty("images").GetInt32());
        Assert.AreEqual(3, run.Json.GetProperty("milliseconds").GetProperty("batch").GetInt32());
    }

    [TestMethod]
    public void Run_ExistingOutput_IsReplaced()
    {
        using var place = new Workplace();
        place.Write("out.onnx", "old");

        place.Quantize("--method", "uniform").AssertDone();

        Assert.IsTrue(QuantizedModel.IsQuantized(Model.Read(place.Output), out _));
    }

    [TestMethod]
    public void BitsFor_EveryType_LeavesNothingToAllocate()
    {
        using var place = new Workplace();

        var run = place.Quantize("--bits-for", "qkv=3", "--bits-for", "proj=4", "--bits-for", "fc1=5", "--bits-for", "fc2=6", "--format", "json");

        run.AssertDone();
        int[] bits = [.. run.Json.GetProperty("layers").EnumerateArray().Select(l => l.GetProperty("bits").GetInt32())];
        CollectionAssert.AreEqual(new[] { 8, 3, 4, 5, 6, 3, 4, 5, 6, 8 }, bits);
    }
}
