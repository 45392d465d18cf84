using LampQ.Testing;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms.Tests;

[TestClass]
public class SchemaTests
{
    [TestMethod]
    public void GetOutputSchema_OfData_AddsAFlatVectorOfTheModelsSize()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring().Fit(work.Data(1));

        var schema = transformer.GetOutputSchema(work.Data(1).Schema);

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 5), schema["Score"].Type);
        Assert.AreEqual(schema.Count - 1, schema["Score"].Index);
        Same.Schemas(schema, transformer.Transform(work.Data(1)).Schema);
    }

    [TestMethod]
    public void GetOutputSchema_NameThatExists_HidesTheOldColumnAndStandsBehindIt()
    {
        using var work = new Workplace();
        using var transformer = work.Scoring(output: "Text").Fit(work.Data(1));

        var schema = transformer.GetOutputSchema(work.Data(1).Schema);

        var old = schema.Single(c => c.Name == "Text" && c.IsHidden);
        Assert.AreEqual(old.Index + 1, schema["Text"].Index);
        Assert.IsInstanceOfType<VectorDataViewType>(schema["Text"].Type);
        Assert.AreEqual(5, transformer.Transform(work.Data(2)).GetColumn<float[]>("Text").First().Length);
    }

    [TestMethod]
    public void GetOutputSchema_OfShapes_ReplacesOrAddsTheColumn()
    {
        using var work = new Workplace();
        var chain = work.Scoring().Append(work.ML.Transforms.CopyColumns("Copy", "Score"));

        // EstimatorChain.Fit asks for the shapes first; the copy needs the column there.
        var model = chain.Fit(work.Data(2));

        Assert.AreEqual(5, model.Transform(work.Data(2)).GetColumn<float[]>("Copy").First().Length);
    }

    [TestMethod]
    public void Fit_MissingColumn_NamesItAndTheColumnsThereAre()
    {
        using var work = new Workplace();
        var estimator = work.ML.Transforms.ApplyLampQModel(work.ML, "Score", "Picture", work.ModelFile);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => estimator.Fit(work.Data(1)));
        var inChain = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => work.ML.Transforms.CopyColumns("Copy", "Pixels").Append(estimator).Fit(work.Data(1)));

        StringAssert.Contains(error.Message, "Could not find input column 'Picture'");
        StringAssert.Contains(error.Message, "Pixels");
        StringAssert.Contains(inChain.Message, "'Picture'");
    }

    [TestMethod]
    [DataRow("Text", "String")]
    [DataRow("Number", "Int32")]
    public void Fit_WrongType_NamesColumnFoundAndExpected(string column, string found)
    {
        using var work = new Workplace();
        var estimator = work.ML.Transforms.ApplyLampQModel(work.ML, "Score", column, work.ModelFile);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => estimator.Fit(work.Data(1)));

        StringAssert.Contains(error.Message, $"'{column}'");
        StringAssert.Contains(error.Message, found);
        StringAssert.Contains(error.Message, "Vector<Single, 192>");
    }

    [TestMethod]
    public void Fit_VectorOfAnotherKnownSize_NamesBothSizes()
    {
        using var work = new Workplace(new TinyVit { DynamicBatch = true, ImageSize = 12 });

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => work.Scoring().Fit(work.ML.Data.LoadFromEnumerable(new[] { new Row() })));

        StringAssert.Contains(error.Message, "432");
        StringAssert.Contains(error.Message, "3, 8, 8");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(5)]
    public void Transform_WrongLengthInRow17_NamesRowColumnFoundAndExpected(int length)
    {
        using var work = new Workplace();
        var rows = work.Rows(20);
        rows[17].Pixels = length == 0 ? null : new float[length];
        using var transformer = work.Scoring(batchSize: 8).Fit(work.Data(1));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => work.Read(transformer.Transform(work.ML.Data.LoadFromEnumerable(rows))));

        StringAssert.Contains(error.Message, "Row 17");
        StringAssert.Contains(error.Message, "'Pixels'");
        StringAssert.Contains(error.Message, $"holds {length} values");
        StringAssert.Contains(error.Message, "192");
    }

    [TestMethod]
    public void Options_OutOfRange_AreRefusedWhenTheEstimatorIsMade()
    {
        using var work = new Workplace();

        var batch = Assert.ThrowsExactly<ArgumentException>(() => work.Scoring(batchSize: 0));
        var inputs = Assert.ThrowsExactly<ArgumentException>(() => work.ML.Transforms.ApplyLampQModel(work.ML, work.ModelFile, new LampQScoringOptions { InputColumnNames = ["A", "B"] }));
        var missing = Assert.ThrowsExactly<FileNotFoundException>(() => work.ML.Transforms.ApplyLampQModel(work.ML, "Score", "Pixels", work.File("no.onnx")));

        StringAssert.Contains(batch.Message, "BatchSize is 0");
        StringAssert.Contains(inputs.Message, TinyVit.InputName);
        StringAssert.Contains(missing.Message, "no.onnx");
    }
}
