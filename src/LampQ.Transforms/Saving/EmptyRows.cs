using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>Data without rows that have the columns a saved step is fitted on.</summary>
static class EmptyRows
{
    /// <summary>Columns of float vectors, as many as there are names (four at most), of any length.</summary>
    public static IDataView Of(MLContext mlContext, IReadOnlyList<string> names)
    {
        var definition = SchemaDefinition.Create(typeof(Row));
        definition.RemoveRange(names.Count, definition.Count - names.Count);
        for (int i = 0; i < names.Count; i++)
            definition[i].ColumnName = names[i];
        return mlContext.Data.LoadFromEnumerable(Array.Empty<Row>(), definition);
    }

    sealed class Row
    {
        public float[]? First { get; set; }

        public float[]? Second { get; set; }

        public float[]? Third { get; set; }

        public float[]? Fourth { get; set; }
    }
}
