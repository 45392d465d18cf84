using Microsoft.ML;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>A model input and the column that feeds it.</summary>
/// <param name="Port">The input.</param>
/// <param name="Column">The column.</param>
/// <param name="Axes">Axes of one row, all of them known.</param>
sealed record BoundInput(ModelPort Port, DataViewSchema.Column Column, IReadOnlyList<int> Axes)
{
    /// <summary>Values a row.</summary>
    public int Size { get; } = Axes.Aggregate(1, (product, axis) => checked(product * axis));

    /// <exception cref="ArgumentOutOfRangeException">The column is missing, holds something else, or another number of values.</exception>
    public static BoundInput Of(ModelPort port, string name, DataViewSchema schema)
    {
        var column = schema.GetColumnOrNull(name) ?? throw SchemaErrors.Missing("input", name, schema.Where(c => !c.IsHidden).Select(c => c.Name));
        var vector = column.Type as VectorDataViewType;
        var axes = FixedAxes(port, vector);
        bool itemFits = port.Item.Equals(vector?.ItemType ?? column.Type);
        int size = axes.Aggregate(1, (product, axis) => product * axis);
        // A column of unknown size is checked row by row.
        bool sizeFits = vector is null ? size == 1 : !vector.IsKnownSize || vector.Size == size;
        return itemFits && size > 0 && sizeFits ? new BoundInput(port, column, axes)
            : throw SchemaErrors.Wrong("input", name, $"{Expected(port)} for the model input '{port.Name}' {port.AxesText}", $"{column.Type}");
    }

    static string Expected(ModelPort port) => port.Size > 0 ? $"Vector<{port.Item}, {port.Size}>" : $"Vector<{port.Item}> of known size";

    /// <summary>Open axes take the column's, or, where there is one of them, what the column's size leaves.</summary>
    static IReadOnlyList<int> FixedAxes(ModelPort port, VectorDataViewType? vector)
    {
        if (port.Size > 0 || vector is not { IsKnownSize: true })
            return port.Axes;
        if (vector.Dimensions.Length == port.Axes.Count && vector.Dimensions.Zip(port.Axes, (d, a) => a == 0 || a == d).All(fits => fits))
            return vector.Dimensions;
        int known = port.Axes.Where(a => a > 0).Aggregate(1, (product, axis) => product * axis);
        return port.Axes.Count(a => a == 0) == 1 && vector.Size % known == 0 ? [.. port.Axes.Select(a => a == 0 ? vector.Size / known : a)] : port.Axes;
    }
}
