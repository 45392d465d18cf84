namespace LampQ.Cli.Tests;

/// <summary>Options are checked first, and a wrong one is answered with what was found and what is expected.</summary>
[TestClass]
public sealed class OptionTests
{
    [TestMethod]
    [DataRow("--bits", "9", "2-8")]
    [DataRow("--bits", "1-4", "2-8")]
    [DataRow("--bits", "2,2", "2-8")]
    [DataRow("--bits", "8-2", "2-8")]
    [DataRow("--bits", "four", "2-8")]
    [DataRow("--target-bits", "-1", "0 to 8 bits")]
    [DataRow("--target-bits", "8.5", "0 to 8 bits")]
    [DataRow("--target-bits", "many", "0 to 8 bits")]
    [DataRow("--target-bits", "NaN", "0 to 8 bits")]
    [DataRow("--max-size", "3 parsec", "3MiB")]
    [DataRow("--max-size", "-5", "3MiB")]
    [DataRow("--max-bops", "40 apples", "40G")]
    [DataRow("--max-bops", "0", "40G")]
    [DataRow("--max-latency", "0", "above 0")]
    [DataRow("--max-latency", "soon", "above 0")]
    [DataRow("--probes", "0", "1 or more")]
    [DataRow("--allocation", "best", "two-block")]
    [DataRow("--norm-transformation", "smooth", "smoothquant-bias")]
    [DataRow("--images", "0", "1 or more")]
    [DataRow("--profile", "gpu", "cpu|paper")]
    [DataRow("--method", "magic", "lampq+|lampq|mptq-vit")]
    [DataRow("--uniform-bits", "1", "2 to 8")]
    [DataRow("--container", "int2", "int8|int4")]
    [DataRow("--attention-bits", "9", "2 to 8")]
    [DataRow("--map-quantizer", "log", "by-profile|uniform|log2|log-sqrt2|adalog|twin|row-log2|row-log-sqrt2|row-adalog")]
    [DataRow("--gelu-quantizer", "log2", "by-profile|uniform|adalog|twin|region|nearest")]
    [DataRow("--zero-state", "some", "last-code|none|extra")]
    [DataRow("--metric", "guess", "kl-damage")]
    [DataRow("--fisher-layers", "0", "1 or more")]
    [DataRow("--fisher-bits", "1", "2 to 8")]
    [DataRow("--fisher-gamma", "1", "above 1")]
    [DataRow("--fisher-gamma", "Infinity", "above 1")]
    [DataRow("--fisher-draws", "0", "1 or more")]
    [DataRow("--compensate", "hope", "none|bias-correction|gptq|erq|ridge-gptq")]
    [DataRow("--reconstruct", "more", "by-effort|none|end-to-end|block")]
    [DataRow("--reconstruction-steps", "0", "1 or more")]
    [DataRow("--activation-range", "all", "min-max|percentile|mse|entropy|output-mse|fpcs")]
    [DataRow("--weight-scale", "big", "min-max|mse|output-mse")]
    [DataRow("--bits-for", "head", "head=8")]
    [DataRow("--bits-for", "head=9", "head=8")]
    [DataRow("--refinement-steps", "-1", "0 or more")]
    [DataRow("--sensitivity-images", "0", "1 or more")]
    [DataRow("--seed", "x", "0 or more")]
    [DataRow("--threads", "-1", "0 to 1024")]
    [DataRow("--batch", "0", "1 to")]
    [DataRow("--format", "xml", "text|json")]
    [DataRow("--resize", "0", "224x256")]
    [DataRow("--crop", "1x2x3", "224x256")]
    [DataRow("--mean", "1,2", "three numbers")]
    [DataRow("--std", "0", "above 0")]
    [DataRow("--resample", "cubist", "bicubic")]
    [DataRow("--preprocessor", "nowhere.json", "preprocessor_config.json")]
    public void Quantize_ValueOutOfRange_NamesOptionFoundAndExpected(string option, string value, string expected)
    {
        var run = CliRun.Of("quantize", "missing.onnx", "-o", "out.onnx", "--data", "missing", option, value);

        run.AssertRefused(2, option, $"'{value}'", expected);
    }

    [TestMethod]
    public void Quantize_BothBudgets_IsAUsageError() =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--target-bits", "4", "--max-size", "3MB").AssertRefused(2, "--target-bits", "--max-size", "one budget");

    [TestMethod]
    public void Quantize_SizeBudgetAndInt8_IsAUsageError() =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--container", "int8", "--max-size", "3MB").AssertRefused(2, "int4");

    [TestMethod]
    [DataRow("--fisher-layers", "3", "type-aware-fisher", "fisher-damage")]
    [DataRow("--fisher-bits", "3", "type-aware-fisher", "kl-damage")]
    [DataRow("--fisher-gamma", "4", "type-aware-fisher", "kl-damage")]
    [DataRow("--fisher-draws", "3", "fisher-damage", "type-aware-fisher")]
    [DataRow("--probes", "3", "fisher-perturbation", "type-aware-fisher")]
    public void Quantize_OptionOfAnotherMetric_IsAUsageErrorNamingBothMetrics(string option, string value, string needed, string chosen) =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--metric", chosen, option, value).AssertRefused(2, option, needed, chosen);

    [TestMethod]
    [DataRow("--fisher-layers", "3")]
    [DataRow("--fisher-draws", "3")]
    [DataRow("--metric", "fisher-damage")]
    [DataRow("--allocation", "greedy")]
    [DataRow("--max-bops", "40G")]
    [DataRow("--max-latency", "2")]
    public void Quantize_OptionOfAnAllocationUnderUniform_IsAUsageError(string option, string value) =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--method", "uniform", option, value).AssertRefused(2, option, "uniform");

    [TestMethod]
    [DataRow("3.5")]
    [DataRow("1")]
    public void Quantize_AverageForAMethodOfOneWidth_IsAUsageErrorNamingThoseThatMix(string bits) =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--method", "repq-vit", "--target-bits", bits).AssertRefused(2, "repq-vit", bits, "whole number", "lampq+, lampq");

    [TestMethod]
    public void Quantize_ResumeWithoutTraining_IsAUsageError() =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--resume", "training").AssertRefused(2, "--resume", "--reconstruct block");

    [TestMethod]
    public void Quantize_ResumeFileInNoFolder_IsAUsageErrorBeforeAnyWork() =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--reconstruct", "block", "--resume", Path.Combine("nowhere", "training")).AssertRefused(2, "--resume", "nowhere");

    [TestMethod]
    public void Quantize_NoData_SaysThatRandomNumbersMustBeAskedFor() =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx").AssertRefused(2, "--data", "--synthetic");

    [TestMethod]
    public void Quantize_DataAndSynthetic_IsAUsageError() =>
        CliRun.Of("quantize", "m.onnx", "-o", "o.onnx", "--data", "d", "--synthetic").AssertRefused(2, "--data", "--synthetic");

    [TestMethod]
    [DataRow("quantize m.onnx --data d", "--output")]
    [DataRow("eval m.onnx", "--data")]
    [DataRow("eval m.onnx --data d --limit 0", "--limit")]
    [DataRow("inspect", "inspect")]
    [DataRow("inspect m.onnx --frob", "--frob")]
    [DataRow("frob", "frob")]
    [DataRow("", "Required command")]
    public void Run_CommandIncompleteOrUnknown_PointsToHelpOnStderr(string line, string word) =>
        CliRun.Of(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).AssertRefused(2, word, "--help");

    [TestMethod]
    [DataRow("--help", "quantize")]
    [DataRow("inspect --help", "MODEL")]
    [DataRow("quantize --help", "--bits-for")]
    [DataRow("eval --help", "--reference")]
    [DataRow("--version", ".")]
    public void Run_HelpAskedFor_IsDataOnStdout(string line, string word)
    {
        var run = CliRun.Of(line.Split(' '));

        run.AssertDone();
        StringAssert.Contains(run.Output, word);
        Assert.AreEqual("", run.Error);
    }

    [TestMethod]
    [DataRow("3000000", 3_000_000)]
    [DataRow("3MB", 3_000_000)]
    [DataRow("3mib", 3_145_728)]
    [DataRow("1.5 KiB", 1_536)]
    [DataRow("2GB", 2_000_000_000)]
    [DataRow("7B", 7)]
    [DataRow("0", 0)]
    public void ParseSize_EveryUnit_IsBytes(string text, long bytes) => Assert.AreEqual(bytes, SizeText.Parse(text));

    [TestMethod]
    [DataRow("")]
    [DataRow("MB")]
    [DataRow("3M")]
    [DataRow("1e6")]
    [DataRow("99999999999999GB")]
    public void ParseSize_NoSize_Throws(string text) => Assert.ThrowsException<FormatException>(() => SizeText.Parse(text));

    [TestMethod]
    [DataRow("2-8", "2,3,4,5,6,7,8", "2-8")]
    [DataRow("8,4,2", "2,4,8", "2,4,8")]
    [DataRow("2-3,8", "2,3,8", "2,3,8")]
    [DataRow("4", "4", "4")]
    public void ParseWidths_RangesAndLists_AreAscending(string text, string bits, string written)
    {
        var widths = BitWidths.Parse(text);

        Assert.AreEqual(bits, string.Join(",", widths.Bits));
        Assert.AreEqual(written, widths.ToString());
    }
}
