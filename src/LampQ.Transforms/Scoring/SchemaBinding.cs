using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>A model's inputs and outputs matched with the columns of one schema.</summary>
sealed class SchemaBinding
{
    readonly int[] places;

    /// <exception cref="ArgumentOutOfRangeException">An input column is missing, or has another type or size.</exception>
    public SchemaBinding(ScoringModel model, ColumnNames names, SaveFormat format, DataViewSchema input)
    {
        Model = model;
        Input = input;
        Sources = [.. model.Inputs.Select((port, i) => BoundInput.Of(port, names.Inputs[i], input))];
        OutputTypes = [.. names.Outputs.Select((_, i) => format.TypeOf(model.Outputs[i]))];

        // As ML.NET's own steps do: behind the column of that name, which it hides, or at the end.
        var order = Enumerable.Range(0, input.Count).ToList();
        for (int i = 0; i < names.Outputs.Count; i++)
        {
            int hidden = input.GetColumnOrNull(names.Outputs[i]) is { } column ? order.IndexOf(column.Index) : -1;
            order.Insert(hidden < 0 ? order.Count : hidden + 1, ~i);
        }
        places = [.. order];
        var builder = new DataViewSchema.Builder();
        foreach (int place in places)
        {
            if (place >= 0)
                builder.AddColumn(input[place].Name, input[place].Type, input[place].Annotations);
            else
                builder.AddColumn(names.Outputs[~place], OutputTypes[~place]);
        }
        Output = builder.ToSchema();
    }

    public ScoringModel Model { get; }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>The column of each model input.</summary>
    public IReadOnlyList<BoundInput> Sources { get; }

    /// <summary>The column type of each model output that is computed.</summary>
    public IReadOnlyList<VectorDataViewType> OutputTypes { get; }

    /// <summary>Number of the model output that a column shows; null for a column of the source.</summary>
    public int? OutputOf(int column) => places[column] < 0 ? ~places[column] : null;

    /// <summary>The source column that a column shows.</summary>
    public DataViewSchema.Column SourceOf(int column) => Input[places[column]];

    /// <summary>Model outputs among the columns.</summary>
    public int[] Outputs(IEnumerable<DataViewSchema.Column> columns) => [.. columns.Select(c => OutputOf(c.Index)).OfType<int>().Distinct().Order()];

    /// <summary>Source columns needed for columns: those passed through, and the model's inputs where an output is among them.</summary>
    public IEnumerable<DataViewSchema.Column> Needs(IReadOnlyCollection<DataViewSchema.Column> columns)
    {
        var passed = columns.Where(c => OutputOf(c.Index) is null).Select(c => SourceOf(c.Index));
        var read = columns.Any(c => OutputOf(c.Index) is not null) ? Sources.Select(s => s.Column) : [];
        return passed.Concat(read).DistinctBy(c => c.Index);
    }
}
