namespace Microsoft.ML.Data;

/// <summary>Keeps the columns that were asked for, and reads them in parallel blocks or in any order.</summary>
sealed class CacheView(IDataView source) : IDataView
{
    const int BlockRows = 16;

    readonly Dictionary<int, ValueStore> columns = [];
    int? rows;

    public bool CanShuffle => true;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => rows ?? source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => Cursors([.. columnsNeeded], 1, rand)[0];

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => Cursors([.. columnsNeeded], n, rand);

    DataViewRowCursor[] Cursors(DataViewSchema.Column[] needed, int n, Random? rand)
    {
        Fill(needed);
        int[] order = [.. Enumerable.Range(0, rows!.Value)];
        rand?.Shuffle(order);
        n = Math.Max(1, Math.Min(n, (order.Length + BlockRows - 1) / BlockRows));
        return [.. Enumerable.Range(0, n).Select(k => new Cursor(this, [.. needed.Select(c => c.Index)], order, k, n))];
    }

    void Fill(DataViewSchema.Column[] needed)
    {
        lock (columns)
        {
            var missing = needed.Where(c => !columns.ContainsKey(c.Index)).ToArray();
            if (missing.Length == 0 && rows is not null)
                return;
            using var cursor = source.GetRowCursor(missing);
            var stores = missing.Select(c => ValueStore.Of(cursor, c)).ToArray();
            int count = 0;
            for (; cursor.MoveNext(); count++)
                foreach (var store in stores)
                    store.Add();
            rows = count;
            for (int i = 0; i < missing.Length; i++)
                columns[missing[i].Index] = stores[i];
        }
    }

    /// <summary>Every n-th block of rows, from the k-th on.</summary>
    sealed class Cursor(CacheView cache, HashSet<int> active, int[] order, int k, int n) : DataViewRowCursor
    {
        int at = -1;
        bool started, ended;
        long position = -1;

        public override long Position => position;

        public override long Batch => at / BlockRows;

        public override DataViewSchema Schema => cache.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)Row(), 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
                throw Errors.Inactive(column);
            return Generic.Typed<TValue>(cache.columns[column.Index].Getter(Row), Schema[column.Index]);
        }

        public override bool MoveNext()
        {
            if (ended)
                return false;
            at = !started ? k * BlockRows : (at + 1) % BlockRows == 0 ? at + 1 + (n - 1) * BlockRows : at + 1;
            started = true;
            if (at >= order.Length)
            {
                ended = true;
                position = -1;
                return false;
            }
            position++;
            return true;
        }

        int Row() => position >= 0 ? order[at] : throw new InvalidOperationException("Cannot get a value: the cursor is not on a row.");
    }
}
