using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Data without rows that have the columns a model reads, of its types and sizes.</summary>
static class EmptyColumns
{
    public static IDataView Of(MLContext mlContext, ScoringModel model, IReadOnlyList<string> names)
    {
        var builder = new DataViewSchema.Builder();
        for (int i = 0; i < names.Count; i++)
            builder.AddColumn(names[i], new VectorDataViewType(model.Inputs[i].Item, model.Inputs[i].Size));
        return new EmptyView(builder.ToSchema());
    }

    sealed class EmptyView(DataViewSchema schema) : IDataView
    {
        public bool CanShuffle => false;

        public DataViewSchema Schema => schema;

        public long? GetRowCount() => 0;

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
            throw new NotSupportedException("These data have a schema and no rows.");

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
            throw new NotSupportedException("These data have a schema and no rows.");
    }
}
