using System.Collections.Concurrent;

namespace Microsoft.ML.Data;

/// <summary>Several cursors read by a thread each and put in order of their batch numbers; every active column of every row is fetched.</summary>
sealed class ConsolidatedCursor : DataViewRowCursor
{
    /// <summary>Most rows that are read ahead in one piece, as many as a cached block has.</summary>
    const int MostRows = 16;

    readonly DataViewRowCursor[] sources;
    readonly DataViewSchema.Column[] columns;
    readonly BlockingCollection<Chunk>[] queues;
    readonly CancellationTokenSource stop = new();
    readonly Task[] workers;
    readonly Chunk?[] heads;
    Chunk? chunk;
    int row;
    long position = -1;
    bool ended;

    public ConsolidatedCursor(DataViewRowCursor[] sources, DataViewSchema.Column[] columns)
    {
        this.sources = sources;
        this.columns = columns;
        queues = [.. sources.Select(_ => new BlockingCollection<Chunk>(2))];
        heads = new Chunk?[sources.Length];
        workers = [.. sources.Select((_, i) => Task.Factory.StartNew(() => Read(i), TaskCreationOptions.LongRunning))];
    }

    public override long Position => position;

    public override long Batch => chunk?.Batch ?? 0;

    public override DataViewSchema Schema => sources[0].Schema;

    public override bool IsColumnActive(DataViewSchema.Column column) => columns.Any(c => c.Index == column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = chunk!.Ids[row];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        int index = Array.FindIndex(columns, c => c.Index == column.Index);
        if (index < 0)
            throw Errors.Inactive(column);
        if (typeof(TValue) != Schema[column.Index].Type.RawType)
            throw Errors.WrongValueType(typeof(TValue), Schema[column.Index].Type.RawType);
        return (ref TValue value) => ((ValueGetter<TValue>)chunk!.Getter(index, () => row))(ref value);
    }

    public override bool MoveNext()
    {
        if (ended)
            return false;
        if (chunk is null || ++row == chunk.Ids.Count)
        {
            row = 0;
            chunk = NextChunk();
            if (chunk is null)
            {
                ended = true;
                position = -1;
                return false;
            }
        }
        position++;
        return true;
    }

    Chunk? NextChunk()
    {
        for (int i = 0; i < queues.Length; i++)
            if (heads[i] is null && queues[i].TryTake(out var next, Timeout.Infinite))
                heads[i] = next;
        int first = -1;
        for (int i = 0; i < heads.Length; i++)
            if (heads[i] is { } head && (first < 0 || head.Batch < heads[first]!.Batch))
                first = i;
        if (first < 0)
            return null;
        var taken = heads[first]!;
        heads[first] = null;
        if (taken.Failure is not null)
            throw new InvalidOperationException("Splitter/consolidator worker encountered exception while consuming source data", taken.Failure);
        return taken;
    }

    void Read(int index)
    {
        var source = sources[index];
        Chunk? current = null;
        try
        {
            var id = source.GetIdGetter();
            while (source.MoveNext())
            {
                if (current is null || current.Batch != source.Batch || current.Ids.Count == MostRows)
                {
                    if (current is not null)
                        queues[index].Add(current, stop.Token);
                    current = new Chunk(source.Batch, [.. columns.Select(c => ValueStore.Of(source, c))]);
                }
                current.Add(id);
            }
            if (current is not null)
                queues[index].Add(current, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
        catch (Exception e)
        {
            queues[index].Add(new Chunk(current?.Batch ?? long.MaxValue, []) { Failure = e });
        }
        finally
        {
            queues[index].CompleteAdding();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        stop.Cancel();
        foreach (var queue in queues)
            while (queue.TryTake(out _)) { }
        Task.WaitAll(workers);
        foreach (var source in sources)
            source.Dispose();
    }

    sealed class Chunk(long batch, ValueStore[] stores)
    {
        readonly Delegate?[] getters = new Delegate?[stores.Length];

        public long Batch => batch;

        public List<DataViewRowId> Ids { get; } = [];

        public Exception? Failure { get; init; }

        public void Add(ValueGetter<DataViewRowId> getId)
        {
            DataViewRowId id = default;
            getId(ref id);
            Ids.Add(id);
            foreach (var store in stores)
                store.Add();
        }

        public Delegate Getter(int column, Func<int> row) => getters[column] ??= stores[column].Getter(row);
    }
}
