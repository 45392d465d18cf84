using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>The source's rows as they come: no model output is asked for, so nothing is buffered and nothing is run.</summary>
sealed class PassingCursor(DataViewRowCursor source, SchemaBinding binding, DataViewSchema.Column[] columns) : DataViewRowCursor
{
    readonly HashSet<int> active = [.. columns.Select(c => c.Index)];

    public override long Position => source.Position;

    public override long Batch => source.Batch;

    public override DataViewSchema Schema => binding.Output;

    public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => IsColumnActive(column)
        ? source.GetGetter<TValue>(binding.SourceOf(column.Index))
        : Getters.Typed<TValue>(null, Schema[column.Index]);

    public override bool MoveNext() => source.MoveNext();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
    }
}
