using LampQ.Onnx;
using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

[TestClass]
public class CursorTests
{
    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(4, 1)]
    [DataRow(4, 3)]
    [DataRow(4, 4)]
    [DataRow(4, 5)]
    [DataRow(4, 11)]
    public void Transform_RowsAroundTheBatchSize_KeepsOrderColumnsAndScores(int batchSize, int rows)
    {
        using var work = new Workplace();
        using var transformer = work.Scoring(batchSize).Fit(work.Data(rows));

        var scored = work.Read(transformer.Transform(work.Data(rows)));

        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(rows));
        Assert.AreEqual(rows, scored.Length);
        for (int i = 0; i < rows; i++)
        {
            Assert.AreEqual(i, scored[i].Number);
            Assert.AreEqual($"row {i}", scored[i].Text);
            Same.Values(expected[i], scored[i].Score, $"row {i}");
        }
    }

    [TestMethod]
    public void Transform_NoRows_GivesNone()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring().Fit(work.Data(1));

        Assert.AreEqual(0, work.Read(transformer.Transform(work.Data(3).Empty(work.ML))).Length);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Transform_ModelWithFixedBatch_ScoresAnyNumberOfRows(int fixedBatch)
    {
        var vit = new TinyVit { DynamicBatch = true };
        using var work = new Workplace(vit);
        var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = fixedBatch }).Apply(vit.Build());
        model.Graph.Inputs[0].Shape = [fixedBatch, 3, 8, 8];
        model.Write(work.ModelFile);
        using var transformer = work.Scoring(batchSize: 8).Fit(work.Data(1));

        var scored = work.Read(transformer.Transform(work.Data(7)));

        Assert.AreEqual(fixedBatch, transformer.BatchSize);
        var expected = Workplace.Reference(vit.Build(), work.Rows(7));
        for (int i = 0; i < 7; i++)
            Same.Values(expected[i], scored[i].Score, $"row {i}");
    }

    [TestMethod]
    public void GetRowCursor_WhileItMoves_CountsRowsAndKeepsIdsOfTheSource()
    {
        using var work = new Workplace();
        var data = work.Data(6);
        using var transformer = work.Scoring().Fit(data);
        var view = transformer.Transform(data);
        using var source = data.GetRowCursor(data.Schema);
        using var cursor = view.GetRowCursor([view.Schema["Score"], view.Schema["Number"]]);
        var (id, sourceId) = (cursor.GetIdGetter(), source.GetIdGetter());
        DataViewRowId found = default, expected = default;

        Assert.AreEqual(-1, cursor.Position);
        for (int i = 0; i < 6; i++)
        {
            Assert.IsTrue(cursor.MoveNext() && source.MoveNext());
            id(ref found);
            sourceId(ref expected);
            Assert.AreEqual(i, cursor.Position);
            Assert.AreEqual(expected, found);
            Assert.AreEqual(source.Batch, cursor.Batch);
        }
        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(-1, cursor.Position);
        Assert.IsFalse(cursor.MoveNext());
    }

    [TestMethod]
    public void GetGetter_InactiveColumnOrWrongType_ThrowsAsMLNetDoes()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring().Fit(work.Data(2));
        var view = transformer.Transform(work.Data(2));
        using var cursor = view.GetRowCursor([view.Schema["Score"]]);

        var inactive = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<int>(view.Schema["Number"]));
        var wrong = Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<VBuffer<double>>(view.Schema["Score"]));

        StringAssert.Contains(inactive.Message, "'Number'");
        StringAssert.Contains(wrong.Message, "Double");
        StringAssert.Contains(wrong.Message, "Single");
        Assert.IsFalse(cursor.IsColumnActive(view.Schema["Number"]));
        Assert.IsTrue(cursor.IsColumnActive(view.Schema["Score"]));
    }

    [TestMethod]
    public void GetRowCursor_OutputNotAskedFor_ReadsNoInputAndRunsNothing()
    {
        using var work = new Workplace();
        var rows = work.Rows(3);
        rows[1].Pixels = null;
        using var transformer = work.Scoring().Fit(work.Data(1));

        int[] numbers = [.. transformer.Transform(work.ML.Data.LoadFromEnumerable(rows)).GetColumn<int>("Number")];

        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, numbers);
    }

    [TestMethod]
    public void Transform_BeforeACursorIsRead_EnumeratesNothing()
    {
        using var work = new Workplace();
        int read = 0;
        var rows = work.Rows(9).Select(r =>
        {
            read++;
            return r;
        });
        using var transformer = work.Scoring(batchSize: 4).Fit(work.ML.Data.LoadFromEnumerable(rows));
        var view = transformer.Transform(work.ML.Data.LoadFromEnumerable(rows));
        Assert.AreEqual(0, read);

        using var cursor = view.GetRowCursor([view.Schema["Score"]]);
        cursor.MoveNext();

        Assert.AreEqual(4, read);
    }

    [TestMethod]
    public void GetRowCursorSet_SeveralCursorsAtOnce_ScoreEveryRowOnce()
    {
        using var work = new Workplace();
        const int rows = 200;
        using var transformer = work.Scoring(batchSize: 8).Fit(work.Data(1));
        var cached = work.ML.Data.Cache(work.Data(rows));
        var view = transformer.Transform(cached);
        float[][] found = new float[rows][];

        var cursors = view.GetRowCursorSet([view.Schema["Number"], view.Schema["Score"]], 4);
        Parallel.ForEach(cursors, cursor =>
        {
            using (cursor)
            {
                var number = cursor.GetGetter<int>(view.Schema["Number"]);
                var score = cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]);
                int row = 0;
                VBuffer<float> value = default;
                while (cursor.MoveNext())
                {
                    number(ref row);
                    score(ref value);
                    found[row] = [.. value.DenseValues()];
                }
            }
        });

        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(rows));
        for (int i = 0; i < rows; i++)
            Same.Values(expected[i], found[i], $"row {i}");
    }

    [TestMethod]
    public void Transform_BehindACacheWithABuiltInStepAfterIt_KeepsOrderAndScores()
    {
        using var work = new Workplace();
        const int rows = 100;
        var chain = work.Scoring(batchSize: 8).Append(work.ML.Transforms.CopyColumns("Copy", "Score")).Fit(work.Data(1));

        var view = chain.Transform(work.ML.Data.Cache(work.Data(rows)));
        float[][] copies = [.. view.GetColumn<float[]>("Copy")];

        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(rows));
        for (int i = 0; i < rows; i++)
            Same.Values(expected[i], copies[i], $"row {i}");
    }

    [TestMethod]
    public void Transform_SparseVector_IsReadAsADenseOne()
    {
        using var work = new Workplace();
        float[] dense = new float[Row.Size];
        (dense[5], dense[100]) = (1.5f, -2f);
        var sparse = new SparseRow { Pixels = new VBuffer<float>(Row.Size, 2, [1.5f, -2f], [5, 100]) };
        var definition = SchemaDefinition.Create(typeof(SparseRow));
        definition["Pixels"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Row.Size);
        var data = work.ML.Data.LoadFromEnumerable([sparse], definition);
        using var transformer = work.Scoring().Fit(data);

        float[] score = transformer.Transform(data).GetColumn<float[]>("Score").Single();

        Same.Values(Workplace.Reference(work.Vit.Build(), [new Row { Pixels = dense }])[0], score, "sparse row");
    }

    [TestMethod]
    public void Transform_SkipTakeFilterAndShuffle_GoThroughTheStep()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring().Fit(work.Data(1));
        var view = transformer.Transform(work.Data(10));

        var taken = work.Read(work.ML.Data.TakeRows(work.ML.Data.SkipRows(view, 3), 4));
        var shuffled = work.Read(work.ML.Data.ShuffleRows(view, seed: 3));

        var expected = Workplace.Reference(work.Vit.Build(), work.Rows(10));
        CollectionAssert.AreEqual(new[] { 3, 4, 5, 6 }, taken.Select(t => t.Number).ToArray());
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 10).ToArray(), shuffled.Select(t => t.Number).ToArray());
        foreach (var row in taken.Concat(shuffled))
            Same.Values(expected[row.Number], row.Score, $"row {row.Number}");
    }

    [TestMethod]
    public void Transform_SplitAndPreview_SeeTheScores()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring().Fit(work.Data(1));
        var view = transformer.Transform(work.Data(20));

        var split = work.ML.Data.TrainTestSplit(view, testFraction: 0.3, seed: 2);
        var preview = view.Preview(maxRows: 2);

        int[] numbers = [.. work.Read(split.TrainSet).Concat(work.Read(split.TestSet)).Select(r => r.Number)];
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 20).ToArray(), numbers);
        Assert.AreEqual(2, preview.RowView.Length);
        Assert.AreEqual(5, ((VBuffer<float>)preview.RowView[1].Values.Single(v => v.Key == "Score").Value).Length);
    }

    [TestMethod]
    public void Transform_SeveralTypesOfInputsAndOutputs_AreScoredTogether()
    {
        using var work = new Workplace();
        TwoInputs.Model().Write(work.ModelFile);
        var data = work.ML.Data.LoadFromEnumerable(Enumerable.Range(0, 5).Select(i => new Pair { left = [i, 2, 1], right = [1, 1, 1] }));
        using var transformer = work.ML.Transforms.ApplyLampQModel(work.ML, work.ModelFile, new LampQScoringOptions { BatchSize = 2 }).Fit(data);

        var view = transformer.Transform(data);

        CollectionAssert.AreEqual(new float[] { 1, 2, 3, 4, 5 }, view.GetColumn<float[]>("sum").Select(s => s[0]).ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 1, 0, 0, 0 }, view.GetColumn<long[]>("place").Select(p => p[0]).ToArray());
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Int64, 1), view.Schema["place"].Type);
    }

    sealed class Pair
    {
        [VectorType(3)]
        public float[] left { get; set; } = [];

        [VectorType(3)]
        public float[] right { get; set; } = [];
    }

    sealed class SparseRow
    {
        public VBuffer<float> Pixels { get; set; }
    }
}
