namespace Microsoft.ML.Data;

/// <summary>Some rows of a source: skipped, taken, filtered.</summary>
sealed class FilteredView(IDataView source, IReadOnlyList<string> reads, Func<DataViewRow, Func<FilteredView.Verdict>> makeFilter, Func<long, long>? count = null) : IDataView
{
    public enum Verdict
    {
        Keep,
        Skip,
        Stop,
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => count is not null && source.GetRowCount() is { } rows ? count(rows) : null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        var cursor = source.GetRowCursor(needed.Concat(reads.Select(r => source.Schema[r])).DistinctBy(c => c.Index));
        return new Cursor(cursor, [.. needed.Select(c => c.Index)], makeFilter(cursor));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

    sealed class Cursor(DataViewRowCursor source, HashSet<int> active, Func<Verdict> filter) : WrappingCursor(source)
    {
        long position = -1;
        bool ended;

        public override long Position => position;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            IsColumnActive(column) ? base.GetGetter<TValue>(column) : throw Errors.Inactive(column);

        public override bool MoveNext()
        {
            while (!ended && Source.MoveNext())
            {
                var verdict = filter();
                if (verdict == Verdict.Stop)
                    break;
                if (verdict == Verdict.Skip)
                    continue;
                position++;
                return true;
            }
            ended = true;
            position = -1;
            return false;
        }
    }
}
