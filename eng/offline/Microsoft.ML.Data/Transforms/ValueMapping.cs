using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(typeof(ValueMappingTransformer), ValueMappingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Looks values up in a table of two columns.</summary>
public class ValueMappingEstimator : TrivialEstimator<ValueMappingTransformer>
{
    private protected ValueMappingEstimator(ValueMappingTransformer transformer) : base(transformer) { }

    public sealed override SchemaShape GetOutputSchema(SchemaShape inputSchema) =>
        inputSchema.With([.. Transformer.Columns.Select(c =>
        {
            inputSchema.Require(c.Input);
            return new SchemaShape.Column(c.Output, SchemaShape.Column.VectorKind.Scalar, Transformer.ValueType, false);
        })]);
}

/// <inheritdoc cref="ValueMappingEstimator"/>
public sealed class ValueMappingEstimator<TKey, TValue> : ValueMappingEstimator
{
    internal ValueMappingEstimator(ValueMappingTransformer transformer) : base(transformer) { }
}

/// <summary>Looks scalar values up; a key that is not in the table gives the default value.</summary>
public class ValueMappingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "ValueMappingTransformer";

    readonly byte[] table;
    readonly Lookup lookup;

    internal ValueMappingTransformer(byte[] table, IReadOnlyList<(string Output, string Input)> columns) : base(columns)
    {
        this.table = table;
        var (schema, _, values) = BinaryView.Read(table);
        KeyType = schema["Key"].Type;
        ValueType = schema["Value"].Type;
        lookup = (Lookup)Activator.CreateInstance(typeof(Lookup<,>).MakeGenericType(KeyType.RawType, ValueType.RawType), values[schema["Key"].Index], values[schema["Value"].Index])!;
    }

    internal DataViewType KeyType { get; }

    internal DataViewType ValueType { get; }

    internal static ValueMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(ctx.LoadBinaryStream("DefaultMap.idv"), LoadColumns(ctx));

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(new VersionInfo("VALUMAPG", 0x00010001, 0x00010001, LoaderSignature, VersionInfo.Official("Microsoft.ML.Data")));
        SaveColumns(ctx);
        ctx.SaveBinaryStream("DefaultMap.idv", w => w.Write(table));
    }

    private protected override MappedSchema Bind(DataViewSchema input) => new Mapping(input, this, [.. Columns.Select(c =>
    {
        var column = input.GetColumnOrNull(c.Input) ?? throw Errors.MissingColumn("inputSchema", c.Input);
        return column.Type.Equals(KeyType) ? column : throw Errors.WrongColumn("inputSchema", c.Input, KeyType, column.Type);
    })]);

    abstract class Lookup
    {
        public abstract Delegate Getter(DataViewRow row, DataViewSchema.Column column);
    }

    sealed class Lookup<TKey, TValue> : Lookup where TKey : notnull
    {
        readonly Dictionary<TKey, TValue> values;

        public Lookup(IList keys, IList entries)
        {
            values = new(typeof(TKey) == typeof(ReadOnlyMemory<char>) ? (IEqualityComparer<TKey>)(object)new TextComparer() : null);
            foreach (var (key, value) in keys.Cast<TKey>().Zip(entries.Cast<TValue>()))
                if (!values.TryAdd(key, value))
                    throw new InvalidOperationException($"Duplicate keys in data '{key}'");
        }

        public override Delegate Getter(DataViewRow row, DataViewSchema.Column column)
        {
            var get = row.GetGetter<TKey>(column);
            TKey key = default!;
            return new ValueGetter<TValue>((ref TValue value) =>
            {
                get(ref key);
                value = values.TryGetValue(key, out var found) ? found : default!;
            });
        }
    }

    sealed class TextComparer : IEqualityComparer<ReadOnlyMemory<char>>
    {
        public bool Equals(ReadOnlyMemory<char> x, ReadOnlyMemory<char> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<char> text) => string.GetHashCode(text.Span);
    }

    sealed class Mapping(DataViewSchema input, ValueMappingTransformer parent, DataViewSchema.Column[] sources)
        : MappedSchema(input, [.. parent.Columns.Select(c => new DataViewSchema.DetachedColumn(c.Output, parent.ValueType))])
    {
        protected override IEnumerable<int> Dependencies(ISet<int> added) => added.Select(i => sources[i].Index);

        protected override Delegate?[] MakeGetters(DataViewRow source, ISet<int> added) =>
            [.. sources.Select((c, i) => added.Contains(i) ? parent.lookup.Getter(source, c) : null)];
    }
}
