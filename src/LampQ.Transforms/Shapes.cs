using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>What is known of a schema before data are seen, made with ML.NET's public members.</summary>
/// <remarks>
/// ML.NET keeps the constructor of <see cref="SchemaShape.Column"/> to itself. A loader with an estimator behind it hands shapes out for any schema, so one that
/// loads nothing serves.
/// </remarks>
static class Shapes
{
    /// <summary>The shapes of a schema's columns.</summary>
    public static SchemaShape Of(DataViewSchema schema) => new Loader(schema).Append(new Unchanged()).GetOutputSchema();

    /// <summary>A shape with columns added; each takes the place of one of its name.</summary>
    public static SchemaShape With(this SchemaShape shape, IEnumerable<(string Name, DataViewType Type)> added)
    {
        var builder = new DataViewSchema.Builder();
        foreach (var (name, type) in added)
            builder.AddColumn(name, type);
        var columns = shape.ToDictionary(c => c.Name);
        foreach (var column in Of(builder.ToSchema()))
            columns[column.Name] = column;
        return new SchemaShape(columns.Values);
    }

    /// <summary>Checks a model's inputs as far as shapes tell: names and item types. Sizes are checked when data are seen.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or holds something else.</exception>
    public static void Check(SchemaShape shape, ScoringModel model, ColumnNames names)
    {
        foreach (var (port, name) in model.Inputs.Zip(names.Inputs))
        {
            var column = Require(shape, "input", name);
            bool fits = column.ItemType.Equals(port.Item) && !column.IsKey && (column.Kind != SchemaShape.Column.VectorKind.Scalar || port.Size == 1);
            if (!fits)
                throw SchemaErrors.Wrong("input", name, $"Vector<{port.Item}> for the model input '{port.Name}' {port.AxesText}",
                    column.Kind == SchemaShape.Column.VectorKind.Scalar ? $"{column.ItemType}" : $"Vector<{column.ItemType}>");
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">There is no such column.</exception>
    public static SchemaShape.Column Require(SchemaShape shape, string role, string name)
    {
        foreach (var column in shape)
            if (column.Name == name)
                return column;
        throw SchemaErrors.Missing(role, name, shape.Select(c => c.Name));
    }

    sealed class Loader(DataViewSchema schema) : IDataLoader<object>
    {
        public DataViewSchema GetOutputSchema() => schema;

        public IDataView Load(object input) => throw new NotSupportedException("This loader has a schema and no data.");

        void ICanSaveModel.Save(ModelSaveContext ctx) => throw new NotSupportedException("This loader has a schema and no data.");
    }

    sealed class Unchanged : IEstimator<ITransformer>
    {
        public SchemaShape GetOutputSchema(SchemaShape inputSchema) => inputSchema;

        public ITransformer Fit(IDataView input) => throw new NotSupportedException("This estimator is asked for shapes alone.");
    }
}
