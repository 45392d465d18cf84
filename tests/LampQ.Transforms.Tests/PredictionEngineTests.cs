using LampQ.Testing;
using Microsoft.ML;

namespace LampQ.Transforms.Tests;

[TestClass]
public class PredictionEngineTests
{
    [TestMethod]
    public void Predict_OnATransformerAndOnAChain_GivesTheModelsScores()
    {
        using var work = new Workplace();
        var rows = work.Rows(3);
        var expected = Workplace.Reference(work.Vit.Build(), rows);
        using var engine = work.ML.Model.CreatePredictionEngine<Row, Scored>(work.Scoring().Fit(work.Data(1)));
        using var chainEngine = work.ML.Model.CreatePredictionEngine<Row, Scored>(work.Scoring(output: "Raw").Append(work.ML.Transforms.CopyColumns("Score", "Raw")).Fit(work.Data(1)));

        for (int i = 0; i < rows.Length; i++)
        {
            Same.Values(expected[i], engine.Predict(rows[i]).Score, $"row {i}");
            var throughChain = chainEngine.Predict(rows[i]);
            Same.Values(expected[i], throughChain.Score, $"row {i} through the chain");
            Assert.AreEqual($"row {i}", throughChain.Text);
        }
    }

    [TestMethod]
    public void Predict_WrongLengthThenRightOne_FailsThenScores()
    {
        using var work = new Workplace();
        var rows = work.Rows(2);
        using var engine = work.ML.Model.CreatePredictionEngine<Row, Scored>(work.Scoring().Fit(work.Data(1)));
        engine.Predict(rows[0]);

        Assert.ThrowsExactly<InvalidOperationException>(() => engine.Predict(new Row { Pixels = null }));

        Same.Values(Workplace.Reference(work.Vit.Build(), rows)[1], engine.Predict(rows[1]).Score, "after the failure");
    }

    [TestMethod]
    public void Dispose_OfTheEngine_DisposesTheTransformerAndMayBeRepeated()
    {
        using var work = new Workplace();
        var transformer = work.Scoring().Fit(work.Data(1));
        var engine = work.ML.Model.CreatePredictionEngine<Row, Scored>(transformer);
        var view = transformer.Transform(work.Data(2));

        engine.Dispose();
        transformer.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => transformer.Transform(work.Data(1)));
        Assert.ThrowsExactly<ObjectDisposedException>(() => work.Read(view));
        Assert.ThrowsExactly<ObjectDisposedException>(() => engine.Predict(work.Rows(1)[0]));
        Assert.ThrowsExactly<ObjectDisposedException>(() => work.ML.Model.Save(transformer, null, work.File("m.zip")));
        Assert.ThrowsExactly<ObjectDisposedException>(() => transformer.ExportOnnx(work.File("m.onnx")));
    }

    [TestMethod]
    public void GetRow_OfAnotherSchemaObject_IsRefused()
    {
        using var work = new Workplace();
        ITransformer transformer = work.Scoring().Fit(work.Data(1));
        var mapper = transformer.GetRowToRowMapper(work.Data(1).Schema);
        using var other = work.Data(1).GetRowCursor([]);

        Assert.ThrowsExactly<ArgumentException>(() => mapper.GetRow(other, mapper.OutputSchema));
        Assert.IsTrue(transformer.IsRowToRowMapper);
    }

    [TestMethod]
    public void GetDependencies_OfAnOutputOrAnotherColumn_AreTheInputOrTheColumn()
    {
        using var work = new Workplace();
        ITransformer transformer = work.Scoring().Fit(work.Data(1));
        var mapper = transformer.GetRowToRowMapper(work.Data(1).Schema);

        string[] ofScore = [.. mapper.GetDependencies([mapper.OutputSchema["Score"]]).Select(c => c.Name)];
        string[] ofText = [.. mapper.GetDependencies([mapper.OutputSchema["Text"]]).Select(c => c.Name)];

        CollectionAssert.AreEqual(new[] { "Pixels" }, ofScore);
        CollectionAssert.AreEqual(new[] { "Text" }, ofText);
    }
}
