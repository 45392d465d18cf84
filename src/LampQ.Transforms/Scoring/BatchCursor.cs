using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Reads some rows ahead and runs the model on all of them at once, when the first of them is asked for a model output.</summary>
sealed class BatchCursor : DataViewRowCursor
{
    readonly DataViewRowCursor source;
    readonly SchemaBinding binding;
    readonly Batch batch;
    readonly PassThrough[] passed;
    readonly Delegate?[] getters;
    readonly ValueGetter<DataViewRowId> getId;
    readonly DataViewRowId[] ids;
    readonly long[] batches;
    int rows, slot;
    bool sourceEnded, ended, scored;
    long position = -1;

    public BatchCursor(DataViewRowCursor source, SchemaBinding binding, DataViewSchema.Column[] columns, Batch batch, int capacity)
    {
        this.source = source;
        this.binding = binding;
        this.batch = batch;
        getId = source.GetIdGetter();
        ids = new DataViewRowId[capacity];
        batches = new long[capacity];
        getters = new Delegate?[binding.Output.Count];
        var kept = new List<PassThrough>();
        foreach (var column in columns.DistinctBy(c => c.Index))
        {
            if (binding.OutputOf(column.Index) is { } output)
            {
                getters[column.Index] = batch.Getter(output, ScoredSlot);
                continue;
            }
            kept.Add(PassThrough.Of(source, binding.SourceOf(column.Index), capacity));
            getters[column.Index] = kept[^1].Getter(Slot);
        }
        passed = [.. kept];
    }

    public override long Position => position;

    public override long Batch => position < 0 ? source.Batch : batches[slot];

    public override DataViewSchema Schema => binding.Output;

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = ids[Slot()];

    public override bool IsColumnActive(DataViewSchema.Column column) => getters[column.Index] is not null;

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => Getters.Typed<TValue>(getters[column.Index], Schema[column.Index]);

    public override bool MoveNext()
    {
        if (ended)
            return false;
        if (++slot >= rows && !Fill())
        {
            ended = true;
            position = -1;
            return false;
        }
        position++;
        return true;
    }

    bool Fill()
    {
        rows = slot = 0;
        scored = false;
        while (rows < ids.Length && !sourceEnded)
        {
            // A source that has ended is not asked again.
            if (!source.MoveNext())
            {
                sourceEnded = true;
                break;
            }
            batch.Read(rows);
            foreach (var column in passed)
                column.Read(rows);
            getId(ref ids[rows]);
            batches[rows] = source.Batch;
            rows++;
        }
        return rows > 0;
    }

    int Slot() => position >= 0 ? slot : throw new InvalidOperationException("The cursor is not on a row; call MoveNext first, and stop when it returns false.");

    int ScoredSlot()
    {
        int at = Slot();
        if (!scored)
        {
            batch.Run(rows);
            scored = true;
        }
        return at;
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        source.Dispose();
        // Runs and rows end here: the buffers may go to another cursor.
        ended = true;
        position = -1;
        batch.Dispose();
    }
}
