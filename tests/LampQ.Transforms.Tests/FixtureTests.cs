using LampQ.Testing;
using Microsoft.ML;

namespace LampQ.Transforms.Tests;

/// <summary>
/// Files saved by version 0.1.0, with ML.NET's own packages and with the stand-ins of eng/offline: each keeps loading in either package mode, so the stand-ins write and read ML.NET's layout.
/// LAMPQ_WRITE_FIXTURES=folder writes those of this mode anew.
/// </summary>
[TestClass]
public class FixtureTests
{
#if LAMPQ_REAL_MLNET
    const string Mode = "mlnet-5.0.1";
#else
    const string Mode = "offline";
#endif

    static readonly string folder = Path.Combine(Repository.Root, "tests", "LampQ.Transforms.Tests", "Fixtures");

    [TestMethod]
    [DataRow("offline", "mapping")]
    [DataRow("offline", "onnx")]
    [DataRow("mlnet-5.0.1", "mapping")]
    [DataRow("mlnet-5.0.1", "onnx")]
    public void ModelLoad_OfAFileOfTheFirstVersion_Scores(string writer, string format)
    {
        using var work = new Workplace();
        string name = $"{writer}.{format}.zip";
        if (writer == Mode && Environment.GetEnvironmentVariable("LAMPQ_WRITE_FIXTURES") is { Length: > 0 } target)
            Write(work, format, Path.Combine(target, name));
        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(3));

        var plain = work.ML.Model.Load(Path.Combine(folder, name), out var schema);
        var batched = LampQModel.Load(work.ML, Path.Combine(folder, name), out _);

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
