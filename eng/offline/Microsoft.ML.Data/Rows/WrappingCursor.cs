namespace Microsoft.ML.Data;

/// <summary>A cursor over another one, which gives position, batch, id and, unless overridden, everything else.</summary>
abstract class WrappingCursor(DataViewRowCursor source) : DataViewRowCursor
{
    protected DataViewRowCursor Source => source;

    public override long Position => source.Position;

    public override long Batch => source.Batch;

    public override DataViewSchema Schema => source.Schema;

    public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => source.IsColumnActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => source.GetGetter<TValue>(column);

    public override bool MoveNext() => source.MoveNext();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
    }
}
