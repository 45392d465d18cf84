using System.Globalization;
using System.Text.RegularExpressions;
using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Cli.Tests;

/// <summary>Bad input ends with its exit code and one message, and an existing output stays as it was.</summary>
[TestClass]
public sealed class BadInputTests
{
    readonly Workplace place = new();

    [TestInitialize]
    public void WriteExistingOutput() => File.WriteAllText(place.Output, "precious");

    [TestCleanup]
    public void CheckExistingOutput()
    {
        string kept = File.ReadAllText(place.Output);
        string[] left = Directory.GetFiles(Path.GetDirectoryName(place.Output)!, "*.tmp");
        place.Dispose();
        Assert.AreEqual("precious", kept);
        Assert.AreEqual(0, left.Length, string.Join(", ", left));
    }

    CliRun QuantizeModel(string model) => CliRun.Of("quantize", model, "-o", place.Output, "--data", place.Images);

    CliRun QuantizeData(string data) => CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", data);

    [TestMethod]
    public void Mlnet_WithoutItsProgramBesideLampq_SaysWhatBuildsIt() => CliRun.Of("mlnet", "--help").AssertRefused(2, "lampq-mlnet", "./build.sh");

    [TestMethod]
    public void Model_Missing_Is3()
    {
        QuantizeModel(place["none.onnx"]).AssertRefused(3, "none.onnx", "does not exist");
        CliRun.Of("inspect", place["none.onnx"]).AssertRefused(3, "none.onnx");
        CliRun.Of("eval", place["none.onnx"], "--data", place.Images).AssertRefused(3, "none.onnx");
        CliRun.Of("eval", place.Model, "--data", place.Images, "--reference", place["none.onnx"]).AssertRefused(3, "none.onnx");
    }

    [TestMethod]
    public void Model_AFolder_Is3() => QuantizeModel(place.Images).AssertRefused(3, "folder");

    [TestMethod]
    public void Model_Empty_Is3() => QuantizeModel(place.Write("empty.onnx", "")).AssertRefused(3, "empty");

    [TestMethod]
    public void Model_CutShort_Is3()
    {
        byte[] whole = File.ReadAllBytes(place.Model);
        foreach (double share in new[] { .1, .5, .99 })
            QuantizeModel(place.Write("short.onnx", whole[..(int)(whole.Length * share)])).AssertRefused(3, "short.onnx");
    }

    [TestMethod]
    public void Model_NotOnnx_Is3() => QuantizeModel(place.Write("text.onnx", "This is a letter, not a model.\n")).AssertRefused(3, "text.onnx");

    [TestMethod]
    public void Model_WithoutLinearLayer_Is3()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 5);
        model.Graph.AddOutput(model.Graph.Emit("Relu", [x]));

        QuantizeModel(place.Write("relu.onnx", model)).AssertRefused(3, "no linear layer");
    }

    [TestMethod]
    public void Model_WithTwoInputs_Is3()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 5);
        var y = model.Graph.AddInput("y", ElementType.Float, 1, 5);
        model.Graph.AddOutput(model.Graph.Emit("Add", [x, y]));

        QuantizeModel(place.Write("two.onnx", model)).AssertRefused(3, "2 inputs", "x, y");
    }

    [TestMethod]
    public void Model_UnknownOperator_Is3()
    {
        var model = place.Vit.Build();
        var logits = model.Graph.Outputs[0];
        model.Graph.ReplaceOutput(logits, model.Graph.Emit("Frobnicate", [logits]));

        QuantizeModel(place.Write("frob.onnx", model)).AssertRefused(3, "Frobnicate");
    }

    [TestMethod]
    public void Model_QuantizedAlready_Is3()
    {
        string quantized = place["quantized.onnx"];
        CliRun.Of("quantize", place.Model, "-o", quantized, "--data", place.Images, "--method", "uniform").AssertDone();

        QuantizeModel(quantized).AssertRefused(3, "quantized already", "float model");
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void Model_WeightIsNoNumber_Is3NamingTheLayerBeforeAnyDataAreOpened(float wrong)
    {
        var model = place.Vit.Build();
        var layer = ModelFamily.Detect(model).FindLayers(model)[3];
        float[] weights = layer.WeightTensor.ToFloats();
        weights[5] = wrong;
        model.Graph.SetInitializer(layer.Weight, Tensor.Of(weights, [.. layer.WeightTensor.Shape]));

        var run = CliRun.Of("quantize", place.Write("nan.onnx", model), "-o", place.Output, "--data", place["no such data"]);

        run.AssertRefused(3, layer.Name, wrong.ToString(CultureInfo.InvariantCulture));
    }

    [TestMethod]
    public void Model_NaNInANorm_Is3ForEvalAndQuantize()
    {
        var model = place.Vit.Build();
        var gamma = ModelFamily.Detect(model).Analyze(model).Norms[0].Gamma;
        float[] values = gamma.Constant!.ToFloats();
        values[0] = float.NaN;
        model.Graph.SetInitializer(gamma, Tensor.Of(values, [.. gamma.Constant.Shape]));
        string path = place.Write("nan.onnx", model);

        CliRun.Of("eval", path, "--data", place.Images).AssertRefused(3, "nan.onnx", "NaN");
        CliRun.Of("quantize", path, "-o", place.Output, "--data", place.Images).AssertRefused(3, "nan.onnx", "NaN");
    }

    [TestMethod]
    public void Model_FailsOnMoreThanOneImageAtOnce_Is3ForEvalAndQuantize()
    {
        // The batch is said to be free, but the scores are one row: one image of zeros runs, four images do not.
        var model = new TinyVit { DynamicBatch = true }.Build();
        var logits = model.Graph.Outputs[0];
        var flat = model.Graph.Emit("Reshape", [logits, model.Graph.AddInitializer("one_row", Tensor.Of([1L, (long)place.Vit.Classes]))]);
        (flat.Type, flat.Shape) = (logits.Type, logits.Shape);
        model.Graph.ReplaceOutput(logits, flat);
        string path = place.Write("one.onnx", model);

        CliRun.Of("eval", path, "--data", place.Images).AssertRefused(3, "one.onnx", "Reshape");
        CliRun.Of("eval", place.Model, "--data", place.Images, "--reference", path).AssertRefused(3, "one.onnx", "Reshape");
        CliRun.Of("quantize", path, "-o", place.Output, "--data", place.Images).AssertRefused(3, "one.onnx", "Reshape");
    }

    [TestMethod]
    public void Budget_EveryWidthFixedAboveTheSize_Is4NamingBothSizes()
    {
        string[] all = ["--bits-for", "qkv=4", "--bits-for", "proj=4", "--bits-for", "fc1=4", "--bits-for", "fc2=4"];

        place.Quantize([.. all, "--max-size", "2kB"]).AssertRefused(4, "2,000 bytes");
    }

    [TestMethod]
    public void Data_Missing_Is2() => QuantizeData(place["nowhere"]).AssertRefused(2, "nowhere");

    [TestMethod]
    public void Data_FolderWithoutImage_Is2() => QuantizeData(Directory.CreateDirectory(place["bare"]).FullName).AssertRefused(2, "no image");

    [TestMethod]
    public void Data_ImageThatDoesNotDecode_Is2NamingIt()
    {
        byte[] whole = File.ReadAllBytes(place["images/3.png"]);
        place.Write("images/3.png", whole[..(whole.Length / 2)]);

        QuantizeData(place.Images).AssertRefused(2, "3.png");
        CliRun.Of("eval", place.Model, "--data", place.Images).AssertRefused(2, "3.png");
    }

    [TestMethod]
    public void Data_LabelOutOfRange_Is2NamingFileLineAndLabel()
    {
        string labels = place.Write("labels.tsv", "images/0.png\t4\nimages/1.png\t5\n");

        QuantizeData(labels).AssertRefused(2, "Line 2", "labels.tsv", "class 5", "0 to 4");
        CliRun.Of("eval", place.Model, "--data", labels).AssertRefused(2, "Line 2", "labels.tsv", "class 5");
    }

    [TestMethod]
    [DataRow("images/0.png\tcat\n", "cat")]
    [DataRow("images/99.png\t1\n", "99.png")]
    [DataRow("# nothing\n", "no file")]
    public void Data_LabelsFileBroken_Is2(string content, string word) => QuantizeData(place.Write("labels.tsv", content)).AssertRefused(2, "labels.tsv", word);

    [TestMethod]
    public void Data_OtherShapeThanTheInput_Is2NamingBoth() =>
        CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", place.Images, "--crop", "6").AssertRefused(2, "[3,6,6]", "[3,8,8]", "--crop");

    [TestMethod]
    public void Data_BrokenConfigurationBesideThem_Is2()
    {
        place.Write("images/preprocessor_config.json", "{ \"size\": ");

        QuantizeData(place.Images).AssertRefused(2, "preprocessor_config.json");
    }

    [TestMethod]
    [DataRow("1", "2-8", "2")]
    [DataRow("0.5", "2-8", "2")]
    [DataRow("0", "2-8", "2")]
    [DataRow("1.99", "2-8", "2")]
    [DataRow("3", "4-8", "4")]
    public void Budget_BelowTheNarrowestWidth_Is4NamingTheMinimum(string target, string bits, string minimum) =>
        place.Quantize("--target-bits", target, "--bits", bits).AssertRefused(4, target, $"smallest reachable average is {minimum} ");

    [TestMethod]
    [DataRow("0")]
    [DataRow("1000")]
    public void Budget_SmallerThanTheSmallestFile_Is4NamingASizeThatCanBeReached(string size)
    {
        var refused = place.Quantize("--max-size", size);
        refused.AssertRefused(4, "--max-size", "smallest reachable");

        string smallest = Regex.Match(refused.Error, @"file has ([\d,]+) bytes").Groups[1].Value.Replace(",", "", StringComparison.Ordinal);
        string reached = place["reached.onnx"];
        CliRun.Of("quantize", place.Model, "-o", reached, "--data", place.Images, "--refinement-steps", "0", "--max-size", smallest).AssertDone();
        Assert.IsTrue(new FileInfo(reached).Length <= long.Parse(smallest, CultureInfo.InvariantCulture), $"{new FileInfo(reached).Length} of {smallest}");
    }

    [TestMethod]
    public void Order_OptionsModelDataBudget()
    {
        string[] nowhere = ["quantize", "missing.onnx", "-o", place.Output, "--data", "missing"];
        CliRun.Of([.. nowhere, "--bits", "9", "--target-bits", "1"]).AssertRefused(2, "--bits");
        CliRun.Of([.. nowhere, "--target-bits", "1"]).AssertRefused(3, "missing.onnx");
        CliRun.Of("quantize", place.Model, "-o", place.Output, "--data", place["missing"], "--target-bits", "1").AssertRefused(2, "missing");
        place.Quantize("--target-bits", "1").AssertRefused(4, "--target-bits");
    }

    [TestMethod]
    public void Output_FolderMissing_Is2BeforeTheModelIsRead() =>
        CliRun.Of("quantize", "missing.onnx", "-o", place["no/out.onnx"], "--data", place.Images).AssertRefused(2, "--output", "does not exist");

    [TestMethod]
    public void Output_AFolder_Is2() => CliRun.Of("quantize", place.Model, "-o", place.Images, "--data", place.Images).AssertRefused(2, "--output", "folder");

    [TestMethod]
    public void Output_TheModelItself_Is2() => CliRun.Of("quantize", place.Model, "-o", place.Model, "--data", place.Images).AssertRefused(2, "the model itself");

    [TestMethod]
    public void Output_FolderNotWritable_Is2()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("Needs Linux's /proc, a folder that not even root can write to.");

        CliRun.Of("quantize", place.Model, "-o", "/proc/out.onnx", "--data", place.Images).AssertRefused(2, "--output", "/proc");
    }

    [TestMethod]
    public void BitsFor_NoSuchLayer_Is2ListingTheTypes() => place.Quantize("--bits-for", "tail=4").AssertRefused(2, "tail", "patch-embedding", "lampq inspect");

    [TestMethod]
    public void Cancel_BeforeTheWork_Is130()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        CliRun.Of(stop.Token, new StringWriter(), "quantize", place.Model, "-o", place.Output, "--data", place.Images).AssertRefused(130, "Cancelled");
        CliRun.Of(stop.Token, new StringWriter(), "inspect", place.Model).AssertRefused(130, "Cancelled");
        CliRun.Of(stop.Token, new StringWriter(), "eval", place.Model, "--data", place.Images).AssertRefused(130, "Cancelled");
    }

    [TestMethod]
    [DataRow("Measuring sensitivity")]
    [DataRow("comparing with fp32")]
    public void Cancel_InTheMiddle_Is130(string moment)
    {
        using var stop = new CancellationTokenSource();

        var run = CliRun.Of(stop.Token, new WatchedError(moment, stop.Cancel), "quantize", place.Model, "-o", place.Output, "--data", place.Images);

        run.AssertRefused(130, "Cancelled");
    }

    [TestMethod]
    public void InternalError_AnyDefect_Is1InOneLineThatSaysHowToSeeMore()
    {
        var error = new StringWriter();

        int code = CommandLine.Run(["inspect", place.Model], new BrokenOutput(), error);

        Assert.AreEqual(1, code);
        StringAssert.Contains(error.ToString(), "ObjectDisposedException");
        StringAssert.Contains(error.ToString(), "LAMPQ_DEBUG=1");
        Assert.AreEqual(1, error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, error.ToString());
    }

    sealed class BrokenOutput : StringWriter
    {
        public override void WriteLine(string? value) => throw new ObjectDisposedException(nameof(BrokenOutput));
    }
}
