using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Data from objects, objects from data, and some rows of data.</summary>
public sealed class DataOperationsCatalog
{
    readonly Random random;

    internal DataOperationsCatalog(Random random) => this.random = random;

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, SchemaDefinition? schemaDefinition = null) where TRow : class
    {
        ArgumentNullException.ThrowIfNull(data);
        return new EnumerableView<TRow>(data, new ObjectSchema<TRow>(schemaDefinition));
    }

    public IEnumerable<TRow> CreateEnumerable<TRow>(IDataView data, bool reuseRowObject, bool ignoreMissingColumns = false, SchemaDefinition? schemaDefinition = null) where TRow : class, new()
    {
        var filler = new ObjectFiller<TRow>(data.Schema, ignoreMissingColumns, schemaDefinition);
        return Rows(data, filler, reuseRowObject);
    }

    static IEnumerable<TRow> Rows<TRow>(IDataView data, ObjectFiller<TRow> filler, bool reuse) where TRow : class, new()
    {
        using var cursor = data.GetRowCursor(filler.Columns);
        var fill = filler.Bind(cursor);
        var row = new TRow();
        while (cursor.MoveNext())
        {
            if (!reuse)
                row = new TRow();
            fill(row);
            yield return row;
        }
    }

    public IDataView Cache(IDataView input, params string[] columnsToPrefetch) => new CacheView(input);

    public IDataView FilterRowsByColumn(IDataView input, string columnName, double lowerBound = double.NegativeInfinity, double upperBound = double.PositiveInfinity)
    {
        var column = input.Schema.GetColumnOrNull(columnName) ?? throw Errors.MissingColumn(nameof(input), columnName);
        Func<DataViewRow, Func<double>> read = column.Type.RawType == typeof(float) ? Reader<float>(column, v => v) : column.Type.RawType == typeof(double) ? Reader<double>(column, v => v)
            : throw Errors.WrongColumn(nameof(input), columnName, "Single or Double", column.Type);
        return new FilteredView(input, [columnName], row =>
        {
            var value = read(row);
            return () => value() is var v && v >= lowerBound && v < upperBound ? FilteredView.Verdict.Keep : FilteredView.Verdict.Skip;
        });
    }

    public IDataView ShuffleRows(IDataView input, int? seed = null, int shufflePoolSize = 1000, bool shuffleSource = true) =>
        new ShuffledView(new CacheView(input), seed ?? random.Next());

    public IDataView SkipRows(IDataView input, long count) => new FilteredView(input, [], _ =>
    {
        long seen = 0;
        return () => seen++ < count ? FilteredView.Verdict.Skip : FilteredView.Verdict.Keep;
    }, rows => Math.Max(0, rows - count));

    public IDataView TakeRows(IDataView input, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new FilteredView(input, [], _ =>
        {
            long seen = 0;
            return () => seen++ < count ? FilteredView.Verdict.Keep : FilteredView.Verdict.Stop;
        }, rows => Math.Min(rows, count));
    }

    public TrainTestData TrainTestSplit(IDataView data, double testFraction = 0.1, string? samplingKeyColumnName = null, int? seed = null)
    {
        int start = seed ?? random.Next();
        FilteredView Part(bool test) => new(data, [], _ =>
        {
            var draws = new Random(start);
            return () => draws.NextDouble() < testFraction == test ? FilteredView.Verdict.Keep : FilteredView.Verdict.Skip;
        });
        return new TrainTestData(Part(false), Part(true));
    }

    static Func<DataViewRow, Func<double>> Reader<T>(DataViewSchema.Column column, Func<T, double> convert) => row =>
    {
        var get = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            get(ref value);
            return convert(value);
        };
    };

    public readonly struct TrainTestData
    {
        public readonly IDataView TrainSet;
        public readonly IDataView TestSet;

        internal TrainTestData(IDataView train, IDataView test) => (TrainSet, TestSet) = (train, test);
    }

    sealed class ShuffledView(CacheView cache, int seed) : IDataView
    {
        public bool CanShuffle => true;

        public DataViewSchema Schema => cache.Schema;

        public long? GetRowCount() => cache.GetRowCount();

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => cache.GetRowCursor(columnsNeeded, rand ?? new Random(seed));

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];
    }
}
