using System.Reflection;
using System.Text.Json;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Testing;
using LampQ.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.ModelBuilder.Tests;

[TestClass]
[DoNotParallelize]
public class MLNetCommandTests
{
    [TestMethod]
    public void Run_OfAnImageProject_WritesModelAndCodeThatCompilesAndPredicts()
    {
        using var project = new ProjectFolder();
        var (code, output, error) = project.Run();
        Assert.AreEqual(0, code, error);
        StringAssert.Contains(output, "Animals.mlnet");
        string[] files = [project["Animals.consumption.cs"], project["Animals.training.cs"]];

        string problems = CSharpCompiler.Compile(project["animals.dll"], files);

        Assert.AreEqual("", problems);
        var type = Assembly.Load(File.ReadAllBytes(project["animals.dll"])).GetType("Animals_LampQ.Animals", throwOnError: true)!;
        // The generated code finds its model in the working directory, as Model Builder's own does.
        string before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = project.Path;
        try
        {
            byte[] image = File.ReadAllBytes(project["images/cat/1.png"]);
            object input = Activator.CreateInstance(type.GetNestedType("ModelInput")!)!;
            input.GetType().GetProperty("ImageSource")!.SetValue(input, image);
            object result = type.GetMethod("Predict")!.Invoke(null, [input])!;
            float[] scores = (float[])result.GetType().GetProperty("Score")!.GetValue(result)!;
            string label = (string)result.GetType().GetProperty("PredictedLabel")!.GetValue(result)!;
            var sorted = (IEnumerable<KeyValuePair<string, float>>)type.GetMethod("PredictAllLabels")!.Invoke(null, [input])!;

            float[] expected = ScoresOf(project["Animals.mlnet"], image, project.Vit.ImageSize);
            CollectionAssert.AreEqual(expected, scores);
            Assert.AreEqual(ProjectFolder.Classes[Array.IndexOf(expected, expected.Max())], label);
            CollectionAssert.AreEqual(ProjectFolder.Classes.Zip(expected).OrderByDescending(p => p.Second).Select(p => p.First).ToArray(), sorted.Select(p => p.Key).ToArray());
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    /// <summary>What the model in the file says of the picture when it is run by hand: decoded, normalized, one row, no pipeline.</summary>
    static float[] ScoresOf(string file, byte[] image, int size)
    {
        using var step = ((IEnumerable<ITransformer>)LampQModel.Load(new MLContext(), file, out _)).OfType<LampQTransformer>().Single();
        string onnx = file + ".onnx";
        step.ExportOnnx(onnx);
        using var session = LampQSession.Load(onnx);
        float[] pixels = new float[3 * size * size];
        new Preprocessing { Crop = new ImageSize(size, size) }.Apply(ImageDecoder.Default().Decode(image, "test"), pixels);
        return session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = Tensor.Of(pixels, 1, 3, size, size) })[0].ToFloats();
    }

    [TestMethod]
    public void TrainingCode_InTheUsersProgram_QuantizesAgain()
    {
        using var project = new ProjectFolder();
        Assert.AreEqual(0, project.Run().ExitCode);
        Assert.AreEqual("", CSharpCompiler.Compile(project["animals.dll"], project["Animals.consumption.cs"], project["Animals.training.cs"]));
        var type = Assembly.Load(File.ReadAllBytes(project["animals.dll"])).GetType("Animals_LampQ.Animals", throwOnError: true)!;

        type.GetMethod("Train")!.Invoke(null, [project["again.mlnet"], project["images"]]);

        // The same images in another order of calibration: the same sizes and names, and a model that predicts.
        var model = new MLContext().Model.Load(project["again.mlnet"], out var schema);
        CollectionAssert.IsSubsetOf(new[] { "Score", "PredictedLabel" }, model.GetOutputSchema(schema).Select(c => c.Name).ToArray());
    }

    [TestMethod]
    public void Run_AsJson_ReportsFilesAndCosts()
    {
        using var project = new ProjectFolder();

        var (code, output, error) = project.Run("--format", "json", "--images", "4");

        Assert.AreEqual(0, code, error);
        var json = JsonDocument.Parse(output).RootElement;
        Assert.AreEqual(1, json.GetProperty("schemaVersion").GetInt32());
        Assert.AreEqual(4, json.GetProperty("images").GetInt32());
        Assert.AreEqual(5, json.GetProperty("classes").GetInt32());
        Assert.AreEqual(3, json.GetProperty("files").GetArrayLength());
        Assert.IsTrue(json.GetProperty("bytes").GetProperty("quantized").GetInt64() > 0);
    }

    [TestMethod]
    [DataRow("uniform", 64)]
    [DataRow("minmax", 32)]
    public void Run_WithoutImages_CalibratesOnAsManyAsLampQQuantize(string method, int expected)
    {
        using var project = new ProjectFolder();
        for (int i = 2; i < 70; i++)
            File.Copy(project["images/ant/0.png"], project[$"images/ant/{i}.png"]);

        var (code, output, error) = project.Run("--method", method, "--format", "json");

        Assert.AreEqual(0, code, error);
        Assert.AreEqual(expected, JsonDocument.Parse(output).RootElement.GetProperty("images").GetInt32());
    }

    [TestMethod]
    [DataRow("lampq+", "--uniform-bits has no effect", 4)]
    [DataRow("uniform", "--target-bits has no effect", 3)]
    public void Run_BothWidths_SaysWhichHasNoEffect(string method, string note, int bits)
    {
        using var project = new ProjectFolder();

        var (code, output, error) = project.Run("--method", method, "--uniform-bits", "3", "--target-bits", "4", "--refinement-steps", "0", "--format", "json");

        Assert.AreEqual(0, code, error);
        StringAssert.Contains(error, note);
        Assert.AreEqual(bits, JsonDocument.Parse(output).RootElement.GetProperty("averageBits").GetDouble(), 0.2);
    }

    [TestMethod]
    [DataRow("Regression", "Folder", "images", "Regression")]
    [DataRow("ObjectDetection", "Folder", "images", "ObjectDetection")]
    [DataRow("ImageClassification", "TabularFile", "images", "TabularFile")]
    [DataRow("ImageClassification", "Folder", "nowhere", "nowhere")]
    public void Run_OfAnotherProject_RefusesInOneLine(string scenario, string source, string folder, string named)
    {
        using var project = new ProjectFolder();
        project.Write("Animals.mbconfig", ProjectFolder.Config(scenario, source, folder));

        AssertRefused(project, project.Run(), 2, named);
    }

    [TestMethod]
    public void Run_OfABrokenProject_RefusesInOneLine()
    {
        using var project = new ProjectFolder();
        project.Write("Animals.mbconfig", "{ \"Scenario\": ");

        AssertRefused(project, project.Run(), 2, "Animals.mbconfig");
    }

    [TestMethod]
    public void Run_MoreClassesThanFolders_AsksForLabels()
    {
        using var project = new ProjectFolder(classes: 7);

        AssertRefused(project, project.Run(), 2, "7 classes", "5 folders", "--labels");
    }

    [TestMethod]
    public void Run_WithLabels_NamesTheClassesByThem()
    {
        using var project = new ProjectFolder(classes: 7);
        project.Write("labels.txt", "elk\ndog\ncat\nbee\nant\nfox\ngnu\n");

        var (code, _, error) = project.Run("--labels", project["labels.txt"]);

        Assert.AreEqual(0, code, error);
        StringAssert.Contains(File.ReadAllText(project["Animals.consumption.cs"]), "@\"elk\", @\"dog\", @\"cat\", @\"bee\", @\"ant\", @\"fox\", @\"gnu\"");
    }

    [TestMethod]
    public void Run_FolderThatIsNoLabel_IsNamed()
    {
        using var project = new ProjectFolder();
        project.Write("labels.txt", "ant\nbee\ncat\ndog\nemu\n");

        AssertRefused(project, project.Run("--labels", project["labels.txt"]), 2, "'elk'");
    }

    [TestMethod]
    public void Run_MissingModel_IsTheModelsFault()
    {
        using var project = new ProjectFolder();
        File.Delete(project.Model);

        AssertRefused(project, project.Run(), 3, "vit.onnx");
    }

    [TestMethod]
    public void Run_BrokenImage_IsNamed()
    {
        using var project = new ProjectFolder();
        project.Write("images/bee/1.png", "no picture");

        AssertRefused(project, project.Run(), 2, "1.png");
    }

    [TestMethod]
    public void Run_FractionOfABitForOneWidth_IsRefusedAsInLampQQuantize()
    {
        using var project = new ProjectFolder();

        AssertRefused(project, project.Run("--method", "repq-vit", "--target-bits", "3.5"), 2, "repq-vit", "3.5", "whole number", "lampq+");
    }

    [TestMethod]
    public void Run_FewerImagesThanTheModelTakesAtOnce_SaysBoth()
    {
        using var project = new ProjectFolder();
        var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = 16 }).Apply(project.Vit.Build());
        model.Graph.Inputs[0].Shape = [16, 3, project.Vit.ImageSize, project.Vit.ImageSize];
        model.Write(project.Model);

        AssertRefused(project, project.Run(), 2, "10 calibration images", "16 at once");
    }

    [TestMethod]
    public void Run_BudgetBelowTheWidths_IsInfeasible()
    {
        using var project = new ProjectFolder();

        AssertRefused(project, project.Run("--method", "lampq+", "--target-bits", "1"), 4, "2");
    }

    [TestMethod]
    public void LampQ_WithTheCommandMlnet_RunsTheProgramBesideIt()
    {
        using var project = new ProjectFolder();
        var (output, error) = (new StringWriter(), new StringWriter());

        int help = LampQ.Cli.CommandLine.Run(["mlnet", "--help"], output, error);
        int refused = LampQ.Cli.CommandLine.Run(["mlnet", "--mbconfig", project["none.mbconfig"], "--model", project.Model], TextWriter.Null, error);

        Assert.AreEqual((0, 2), (help, refused), error.ToString());
        StringAssert.Contains(output.ToString(), "--mbconfig");
        StringAssert.Contains(error.ToString(), "none.mbconfig");
    }

    static void AssertRefused(ProjectFolder project, (int ExitCode, string Output, string Error) run, int exitCode, params string[] words)
    {
        Assert.AreEqual(exitCode, run.ExitCode, run.Error);
        Assert.AreEqual("", run.Output);
        foreach (string word in words)
            StringAssert.Contains(run.Error, word);
        Assert.AreEqual(1, run.Error.Split('\n').Count(l => l.StartsWith("error:", StringComparison.Ordinal)), run.Error);
        Assert.IsFalse(File.Exists(project["Animals.mlnet"]));
    }
}
