using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace LampQ.Transforms.Tests;

/// <summary>What LampQ relies on of ML.NET. The same tests hold the packages and the stand-ins of eng/offline to it.</summary>
[TestClass]
public class MLNetBehaviourTests
{
    readonly MLContext ml = new(seed: 1);

    [TestMethod]
    public void Schema_TwoColumnsOfOneName_LastOneCountsAndHidesTheFirst()
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("A", NumberDataViewType.Single);
        builder.AddColumn("A", NumberDataViewType.Int32);
        var schema = builder.ToSchema();

        Assert.AreEqual(1, schema["A"].Index);
        Assert.IsTrue(schema[0].IsHidden);
        Assert.IsNull(schema.GetColumnOrNull("zz"));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ = schema["zz"]);
    }

    [TestMethod]
    public void VectorType_Axes_CountInEquality()
    {
        Assert.AreNotEqual(new VectorDataViewType(NumberDataViewType.Single, 5), new VectorDataViewType(NumberDataViewType.Single, 1, 5));
        Assert.IsFalse(new VectorDataViewType(NumberDataViewType.Single).IsKnownSize);
        Assert.AreEqual(6, new VectorDataViewType(NumberDataViewType.Single, 2, 3).Size);
    }

    [TestMethod]
    public void VBuffer_Sparse_BecomesDenseByCopyToAndRefusesShortTargets()
    {
        var sparse = new VBuffer<float>(4, 2, [1f, 2f], [1, 3]);
        float[] dense = new float[4];

        sparse.CopyTo(dense);

        CollectionAssert.AreEqual(new float[] { 0, 1, 0, 2 }, dense);
        CollectionAssert.AreEqual(dense, sparse.DenseValues().ToArray());
        Assert.AreEqual(2, sparse.GetValues().Length);
        Assert.AreEqual(0f, sparse.GetItemOrDefault(2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => sparse.CopyTo(new float[3]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => sparse.GetItemOrDefault(4));
    }

    [TestMethod]
    public void VBufferEditor_LargeEnoughArray_IsWrittenInPlace()
    {
        var value = new VBuffer<float>(3, [1f, 2f, 3f]);

        var editor = VBufferEditor.Create(ref value, 2);
        editor.Values.Fill(9);
        value = editor.Commit();

        Assert.IsFalse(editor.CreatedNewValues);
        CollectionAssert.AreEqual(new float[] { 9, 9 }, value.DenseValues().ToArray());
    }

    [TestMethod]
    public void LoadFromEnumerable_EveryCursor_EnumeratesAnewAndNothingBefore()
    {
        int begun = 0;
        IEnumerable<Things> Rows()
        {
            begun++;
            yield return new Things { Number = 1 };
            yield return new Things { Number = 2 };
        }
        var data = ml.Data.LoadFromEnumerable(Rows());
        Assert.AreEqual(0, begun);
        Assert.IsNull(data.GetRowCount());

        CollectionAssert.AreEqual(new[] { 1, 2 }, data.GetColumn<int>("Number").ToArray());
        CollectionAssert.AreEqual(new[] { 1, 2 }, data.GetColumn<int>("Number").ToArray());

        Assert.AreEqual(2, begun);
        Assert.IsFalse(data.CanShuffle);
    }

    [TestMethod]
    public void LoadFromEnumerable_MembersAndAttributes_BecomeColumns()
    {
        var schema = ml.Data.LoadFromEnumerable(new[] { new Things() }).Schema;

        Assert.AreEqual(TextDataViewType.Instance, schema["Text"].Type);
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 3), schema["Fixed"].Type);
        Assert.IsFalse(((VectorDataViewType)schema["Open"].Type).IsKnownSize);
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 5), schema["Key"].Type);
        Assert.IsNotNull(schema.GetColumnOrNull("Renamed"));
        Assert.IsNull(schema.GetColumnOrNull("Original"));
        Assert.IsNull(schema.GetColumnOrNull("Ignored"));
    }

    [TestMethod]
    public void LoadFromEnumerable_WrongVectorLength_IsNotNoticed()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things { Fixed = [1, 2, 3, 4] }, new Things { Fixed = null! } });

        int[] lengths = [.. data.GetColumn<VBuffer<float>>("Fixed").Select(v => v.Length)];

        CollectionAssert.AreEqual(new[] { 4, 0 }, lengths);
    }

    [TestMethod]
    public void LoadFromEnumerable_Keys_CountFromZeroInObjectsAndFromOneInColumns()
    {
        var data = ml.Data.LoadFromEnumerable(new uint[] { 0, 4, 5 }.Select(k => new Things { Key = k }));

        uint[] column = [.. data.GetColumn<uint>("Key")];
        uint[] objects = [.. ml.Data.CreateEnumerable<Things>(data, reuseRowObject: false).Select(t => t.Key)];

        // 5 is beyond the last of five keys: none. What comes back is the column's number.
        CollectionAssert.AreEqual(new uint[] { 1, 5, 0 }, column);
        CollectionAssert.AreEqual(column, objects);
    }

    [TestMethod]
    public void TakeRows_None_IsRefused()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things() });

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Data.TakeRows(data, 0));
    }

    [TestMethod]
    public void Cursor_OfAStepThatFailsOnARow_WrapsItsException()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things { Number = 1 }, new Things { Number = 2 } });
        var view = ml.Transforms.CustomMapping<Things, Doubled>((t, d) => d.Double = t.Number == 2 ? throw new InvalidDataException("two") : 2 * t.Number, null).Fit(data).Transform(data);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => view.GetColumn<int>("Double").ToArray());

        Assert.IsInstanceOfType<InvalidDataException>(error.InnerException);
    }

    [TestMethod]
    public void CreateEnumerable_MissingColumnOrOtherType_Throws()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things() });

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Data.CreateEnumerable<OnlyOther>(data, false).ToList());
        Assert.AreEqual(1, ml.Data.CreateEnumerable<OnlyOther>(data, false, ignoreMissingColumns: true).Count());
        Assert.ThrowsExactly<InvalidOperationException>(() => ml.Data.CreateEnumerable<NumberAsText>(data, false).ToList());
    }

    [TestMethod]
    public void CreateEnumerable_Reusing_GivesTheSameObject()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things(), new Things() });

        Things[] reused = [.. ml.Data.CreateEnumerable<Things>(data, reuseRowObject: true)];
        Things[] fresh = [.. ml.Data.CreateEnumerable<Things>(data, reuseRowObject: false)];

        Assert.AreSame(reused[0], reused[1]);
        Assert.AreNotSame(fresh[0], fresh[1]);
        Assert.AreNotSame(fresh[0].Fixed, fresh[1].Fixed);
    }

    [TestMethod]
    public void Chain_CacheBeforeTheFirstStep_IsRefused()
    {
        Assert.ThrowsExactly<InvalidOperationException>(() => new EstimatorChain<ITransformer>().AppendCacheCheckpoint(ml));
    }

    [TestMethod]
    public void Chain_Scopes_ChooseTheSteps()
    {
        var copy = ml.Transforms.CopyColumns("A", "Number");
        var data = ml.Data.LoadFromEnumerable(new[] { new Things() });
        var chain = copy.Append(ml.Transforms.CopyColumns("B", "Number"), TransformerScope.Training).Fit(data);

        Assert.IsNull(chain.Transform(data).Schema.GetColumnOrNull("B"));
        Assert.IsNotNull(chain.Transform(data, TransformerScope.Training).Schema.GetColumnOrNull("B"));
        Assert.AreEqual(1, chain.GetModelFor(TransformerScope.Scoring).Count());
    }

    [TestMethod]
    public void ModelSave_OfAThirdPartyStepThatWritesNothing_IsRefused()
    {
        Assert.ThrowsExactly<InvalidOperationException>(() => ml.Model.Save(new Silent(), null, new MemoryStream()));
    }

    [TestMethod]
    public void ModelSave_WithoutSchema_LoadsNull()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things { Number = 7 } });
        using var stream = new MemoryStream();
        ml.Model.Save(ml.Transforms.CopyColumns("A", "Number").Fit(data), null, stream);
        stream.Position = 0;

        var loaded = ml.Model.Load(stream, out var schema);

        Assert.IsNull(schema);
        Assert.AreEqual(7, loaded.Transform(data).GetColumn<int>("A").Single());
    }

    [TestMethod]
    public void Log_OfAChannel_NamesHostAndChannel()
    {
        var messages = new List<LoggingEventArgs>();
        ml.Log += (_, e) => messages.Add(e);

        using (var channel = ((IHostEnvironment)ml).Register("Mine").Start("Work"))
            channel.Info(MessageSensitivity.None, "half done");

        var info = messages.Single(m => m.Kind == ChannelMessageKind.Info);
        Assert.AreEqual("half done", info.RawMessage);
        StringAssert.Contains(info.Source, "Mine");
        StringAssert.Contains(info.Message, "Kind=Info");
        Assert.IsTrue(messages.Any(m => m.Kind == ChannelMessageKind.Trace && m.RawMessage.StartsWith("Channel started")));
    }

    [TestMethod]
    public void PredictionEngine_NullOrUnmappable_Throws()
    {
        var data = ml.Data.LoadFromEnumerable(new[] { new Things() });
        using var engine = ml.Model.CreatePredictionEngine<Things, Things>(ml.Transforms.CopyColumns("A", "Number").Fit(data));

        Assert.ThrowsExactly<ArgumentNullException>(() => engine.Predict(null!));
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Model.CreatePredictionEngine<Things, Things>(new Silent()));
        StringAssert.Contains(error.Message, "Must be a row to row mapper");
    }

    sealed class Things
    {
        public int Number { get; set; }

        public string Text { get; set; } = "";

        [VectorType(3)]
        public float[] Fixed { get; set; } = new float[3];

        public float[] Open { get; set; } = [];

        [KeyType(5)]
        public uint Key { get; set; }

        [ColumnName("Renamed")]
        public float Original { get; set; }

        [NoColumn]
        public float Ignored { get; set; }
    }

    sealed class Doubled
    {
        public int Double { get; set; }
    }

    sealed class OnlyOther
    {
        public int Missing { get; set; }
    }

    sealed class NumberAsText
    {
        public string Number { get; set; } = "";
    }

    sealed class Silent : ITransformer
    {
        public bool IsRowToRowMapper => false;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inputSchema;

        public IDataView Transform(IDataView input) => input;

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => throw new NotSupportedException();

        void ICanSaveModel.Save(ModelSaveContext ctx) { }
    }
}
