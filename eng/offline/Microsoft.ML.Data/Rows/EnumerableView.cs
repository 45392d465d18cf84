namespace Microsoft.ML.Data;

/// <summary>Objects as data: nothing is read before a cursor asks, and every cursor enumerates anew.</summary>
sealed class EnumerableView<TRow>(IEnumerable<TRow> data, ObjectSchema<TRow> schema) : IDataView where TRow : class
{
    public bool CanShuffle => false;

    public DataViewSchema Schema => schema.Schema;

    public long? GetRowCount() => data is ICollection<TRow> collection ? collection.Count : null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(data, schema, [.. columnsNeeded.Select(c => c.Index)]);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

    sealed class Cursor(IEnumerable<TRow> data, ObjectSchema<TRow> schema, HashSet<int> active) : RootCursor(schema.Schema, active)
    {
        readonly IEnumerator<TRow> rows = data.GetEnumerator();

        protected override bool MoveNextCore() => rows.MoveNext() && (rows.Current is not null ? true
            : throw new InvalidOperationException("Encountered null when iterating over data, this is not supported."));

        protected override Delegate Getter(DataViewSchema.Column column) => schema.Getter(column.Index, () =>
        {
            CheckOnRow();
            return rows.Current;
        });

        protected override void Dispose(bool disposing) => rows.Dispose();
    }
}
