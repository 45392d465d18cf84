namespace Microsoft.ML.Data;

/// <summary>A cursor that counts its rows from 0 and stands at −1 before and after them.</summary>
abstract class RootCursor(DataViewSchema schema, HashSet<int> active) : DataViewRowCursor
{
    long position = -1;
    bool ended;

    public override long Position => position;

    public override long Batch => 0;

    public override DataViewSchema Schema => schema;

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) =>
    {
        CheckOnRow();
        id = new DataViewRowId((ulong)position, 0);
    };

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
            throw Errors.Inactive(column);
        return Generic.Typed<TValue>(Getter(schema[column.Index]), column);
    }

    public sealed override bool MoveNext()
    {
        if (ended)
            return false;
        if (MoveNextCore())
        {
            position++;
            return true;
        }
        ended = true;
        position = -1;
        return false;
    }

    protected void CheckOnRow()
    {
        if (position < 0)
            throw new InvalidOperationException("Cannot get a value: the cursor is not on a row.");
    }

    protected abstract bool MoveNextCore();

    protected abstract Delegate Getter(DataViewSchema.Column column);
}
