using LampQ.Testing;
using Microsoft.ML;

namespace LampQ.Transforms.Tests;

/// <summary>The code of README.md, section ML.NET: the same four steps with the files of a test.</summary>
[TestClass]
public class ReadmeTests
{
    [TestMethod]
    public void Pipeline_AsTheReadmeWritesIt_FitsScoresSavesAndLoads()
    {
        using var work = new Workplace();
        var (mlContext, data) = (work.ML, work.Data(70));
        string vit = work.ModelFile, zip = work.File("vit.zip");

        var pipeline = mlContext.Transforms.LampQ(mlContext, "Score", "Pixels", vit, targetBits: 4);
        using var model = pipeline.Fit(data);
        var scored = model.Transform(data);
        mlContext.Model.Save(model, data.Schema, zip);

        Assert.AreEqual(64, model.Report!.Rows);
        Assert.IsTrue(model.Report.AverageBits is > 3 and <= 4, $"{model.Report.AverageBits}");
        var rows = work.Read(scored);
        Assert.AreEqual(70, rows.Length);
        Assert.IsTrue(rows.All(r => r.Score.Length == work.Vit.Classes && r.Score.All(float.IsFinite)));
        Same.Schemas(scored.Schema, mlContext.Model.Load(zip, out _).Transform(data).Schema);
    }
}
