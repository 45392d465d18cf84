using LampQ.Onnx;
using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>An input or output of a model: what one row of it is.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Element">Type of its elements.</param>
/// <param name="Axes">Its axes without the batch; 0 where the model leaves one open.</param>
sealed record ModelPort(string Name, ElementType Element, IReadOnlyList<int> Axes)
{
    static readonly Dictionary<ElementType, PrimitiveDataViewType> items = new()
    {
        [ElementType.Float] = NumberDataViewType.Single,
        [ElementType.Double] = NumberDataViewType.Double,
        [ElementType.Int8] = NumberDataViewType.SByte,
        [ElementType.UInt8] = NumberDataViewType.Byte,
        [ElementType.Int16] = NumberDataViewType.Int16,
        [ElementType.UInt16] = NumberDataViewType.UInt16,
        [ElementType.Int32] = NumberDataViewType.Int32,
        [ElementType.UInt32] = NumberDataViewType.UInt32,
        [ElementType.Int64] = NumberDataViewType.Int64,
        [ElementType.UInt64] = NumberDataViewType.UInt64,
        [ElementType.Bool] = BooleanDataViewType.Instance,
    };

    /// <summary>Type of one value in a column.</summary>
    public PrimitiveDataViewType Item => items[Element];

    /// <summary>Values a row; 0 where an axis is open.</summary>
    public int Size => Axes.Aggregate(1, (product, axis) => checked(product * axis));

    /// <summary>"[3, 8, 8]", with ? for an open axis.</summary>
    public string AxesText => $"[{string.Join(", ", Axes.Select(a => a == 0 ? "?" : $"{a}"))}]";

    /// <exception cref="NotSupportedException">The type has no ML.NET column, the shape is unknown, or there is no batch axis.</exception>
    public static ModelPort Of(Value value, string role)
    {
        if (!items.ContainsKey(value.Type))
            throw new NotSupportedException($"The model's {role} '{value.Name}' holds {value.Type}, which no ML.NET column can. Expected one of {string.Join(", ", items.Keys)}.");
        if (value.Shape is not { Count: > 0 } shape)
            throw new NotSupportedException($"The model's {role} '{value.Name}' has no shape with a batch axis; expected [batch, ..]. State it when exporting the model.");
        return new ModelPort(value.Name, value.Type, [.. shape.Skip(1).Select(d => checked((int)(d.Size ?? 0)))]);
    }
}
