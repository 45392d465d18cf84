using LampQ.Testing;
using Microsoft.ML;

namespace LampQ.Transforms.Tests;

/// <summary>
/// Files saved in offline mode by version 0.1.0: they keep loading, in either package mode. With the real packages this shows that the stand-ins write ML.NET's layout.
/// LAMPQ_WRITE_FIXTURES=folder writes them anew.
/// </summary>
[TestClass]
public class FixtureTests
{
    static readonly string folder = Path.Combine(Repository.Root, "tests", "LampQ.Transforms.Tests", "Fixtures");

    [TestMethod]
    [DataRow("mapping")]
    [DataRow("onnx")]
    public void ModelLoad_OfAFileOfTheFirstVersion_Scores(string format)
    {
        using var work = new Workplace();
        if (Environment.GetEnvironmentVariable("LAMPQ_WRITE_FIXTURES") is { Length: > 0 } target)
            Write(work, format, Path.Combine(target, $"{format}.zip"));
        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(3));

        var plain = work.ML.Model.Load(Path.Combine(folder, $"{format}.zip"), out var schema);
        var batched = LampQModel.Load(work.ML, Path.Combine(folder, $"{format}.zip"), out _);

        Same.Schemas(work.Data(1).Schema, schema);
        foreach (var model in new[] { plain, batched })
        {
            var scored = work.Read(model.Transform(work.Data(3)));
            for (int i = 0; i < 3; i++)
                Same.Values(expected[i], scored[i].Score, $"row {i}");
        }
    }

    static void Write(Workplace work, string format, string path)
    {
        var step = work.Scoring(saveAs: format == "onnx" ? OnnxSaveFormat.Instance : SaveFormat.Mapping);
        LampQModel.Save(work.ML, work.ML.Transforms.CopyColumns("Copy", "Text").Append(step).Fit(work.Data(1)), work.Data(1).Schema, path);
    }
}
