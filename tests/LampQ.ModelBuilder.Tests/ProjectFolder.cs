using LampQ.Onnx;
using LampQ.Quantization.Tests;
using LampQ.Testing;

namespace LampQ.ModelBuilder.Tests;

/// <summary>A Model Builder project over five folders of small pictures, and a ViT of five classes.</summary>
sealed class ProjectFolder : IDisposable
{
    internal static readonly string[] Classes = ["ant", "bee", "cat", "dog", "elk"];

    readonly TestFolder folder = new();
    readonly byte[] pixels;

    internal ProjectFolder(int classes = 5)
    {
        Vit = new TinyVit { DynamicBatch = true, Classes = classes };
        Vit.Build().Write(Model);
        pixels = new byte[3 * Vit.ImageSize * Vit.ImageSize];
        var random = new Random(3);
        foreach (string name in Classes)
        {
            Directory.CreateDirectory(this[$"images/{name}"]);
            for (int i = 0; i < 2; i++)
            {
                random.NextBytes(pixels);
                folder.Write($"images/{name}/{i}.png", TestImages.Png(Vit.ImageSize, Vit.ImageSize, pixels));
            }
        }
        Write("Animals.mbconfig", Config("ImageClassification", "Folder", "images"));
    }

    internal TinyVit Vit { get; }

    internal string this[string name] => folder[name];

    internal string Path => folder.Path;

    internal string Model => this["vit.onnx"];

    internal void Write(string name, string content) => folder.Write(name, content);

    internal static string Config(string scenario, string dataSource, string imageFolder) => $$"""
        {
          "TrainingTime": 0,
          "Scenario": "{{scenario}}",
          "DataSource": { "Type": "{{dataSource}}", "Version": 1, "FolderPath": "{{imageFolder}}" },
          "Environment": { "Type": "LocalCPU", "Version": 1 },
          "Type": "TrainingConfig",
          "Version": 2
        }
        """;

    /// <summary>Runs <c>lampq mlnet</c> on the project with little work.</summary>
    internal (int ExitCode, string Output, string Error) Run(params string[] more)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int code = MLNetCommand.Run(["--mbconfig", this["Animals.mbconfig"], "--model", Model, "--threads", "1", .. more.Contains("--method") ? more : ["--method", "uniform", .. more]], output, error);
        return (code, output.ToString(), error.ToString());
    }

    public void Dispose() => folder.Dispose();
}
