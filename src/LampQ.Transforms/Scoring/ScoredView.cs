using Microsoft.ML;

namespace LampQ.Transforms;

/// <summary>Data with a model's outputs added: computed when a cursor asks for them, in batches.</summary>
sealed class ScoredView(IDataView source, SchemaBinding binding, LampQTransformer transformer) : IDataView
{
    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => binding.Output;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        return Over(source.GetRowCursor(binding.Needs(columns), rand), columns);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        return [.. source.GetRowCursorSet(binding.Needs(columns), n, rand).Select(c => Over(c, columns))];
    }

    DataViewRowCursor Over(DataViewRowCursor cursor, DataViewSchema.Column[] columns) => binding.Outputs(columns).Length == 0
        ? new PassingCursor(cursor, binding, columns)
        : new BatchCursor(cursor, binding, columns, transformer.NewBatch(binding, cursor, columns), transformer.RowsAtOnce);
}
