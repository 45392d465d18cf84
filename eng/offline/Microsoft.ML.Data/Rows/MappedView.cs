namespace Microsoft.ML.Data;

/// <summary>Data behind a built-in step.</summary>
sealed class MappedView(IDataView source, MappedSchema mapping) : IDataView
{
    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => mapping.Output;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        HashSet<int> active = [.. needed.Select(c => c.Index)];
        if (!mapping.Computes(active))
            return new Cursor(source.GetRowCursor(mapping.Needs(active).Select(i => source.Schema[i]), rand), mapping, active);
        // As in ML.NET: what a step computes is read ahead on other threads, in parallel where the source can be, and every active column is fetched whether or not it is asked for.
        return new ConsolidatedCursor(GetRowCursorSet(needed, Math.Min(Environment.ProcessorCount, 4), rand), needed);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        HashSet<int> active = [.. columnsNeeded.Select(c => c.Index)];
        var needs = mapping.Needs(active).Select(i => source.Schema[i]);
        return [.. source.GetRowCursorSet(needs, n, rand).Select(c => new Cursor(c, mapping, active))];
    }

    sealed class Cursor(DataViewRowCursor source, MappedSchema mapping, HashSet<int> active) : WrappingCursor(source)
    {
        readonly Delegate?[] getters = mapping.Getters(source, active);

        public override DataViewSchema Schema => mapping.Output;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            Generic.Typed<TValue>(getters[column.Index] ?? throw Errors.Inactive(column), Schema[column.Index]);
    }
}

/// <summary>A built-in step for one row.</summary>
sealed class MappedRows(MappedSchema mapping) : IRowToRowMapper
{
    public DataViewSchema InputSchema => mapping.Input;

    public DataViewSchema OutputSchema => mapping.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        mapping.Needs(dependingColumns.Select(c => c.Index).ToHashSet()).Select(i => mapping.Input[i]);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        if (!ReferenceEquals(input.Schema, mapping.Input))
            throw new ArgumentException("Schema of input row must be the same as the schema the mapper is bound to", nameof(input));
        return new Row(input, mapping, [.. activeColumns.Select(c => c.Index)]);
    }

    sealed class Row(DataViewRow input, MappedSchema mapping, HashSet<int> active) : DataViewRow
    {
        readonly Delegate?[] getters = mapping.Getters(input, active);

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override DataViewSchema Schema => mapping.Output;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            Generic.Typed<TValue>(getters[column.Index] ?? throw Errors.Inactive(column), Schema[column.Index]);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                input.Dispose();
        }
    }
}
