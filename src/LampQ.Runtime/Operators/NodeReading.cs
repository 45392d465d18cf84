using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>What several operators read from a node in the same way.</summary>
static class NodeReading
{
    /// <summary>A constant vector; null where the node leaves it out.</summary>
    /// <exception cref="InvalidDataException">It is not constant or not of rank 1.</exception>
    public static T[]? OptionalVector<T>(this NodeInfo node, int input, string what) where T : unmanaged => node.Has(input) ? node.Vector<T>(input, what) : null;

    /// <summary>A constant vector.</summary>
    /// <exception cref="InvalidDataException">It is not constant or not of rank 1.</exception>
    public static T[] Vector<T>(this NodeInfo node, int input, string what) where T : unmanaged
    {
        var tensor = node.ConstantVector(input, what);
        return tensor.As<T>().ToArray();
    }

    /// <summary>A constant vector where it lies.</summary>
    /// <exception cref="InvalidDataException">It is not constant or not of rank 1.</exception>
    public static TensorView ConstantVector(this NodeInfo node, int input, string what)
    {
        var tensor = node.Constant(input, what);
        return tensor.Shape.Length == 1 ? tensor : throw new InvalidDataException($"{what} (input {input}) has shape {tensor.ShapeText}; a vector is expected.");
    }

    /// <summary>The attributes of a quantizer.</summary>
    public static (float Scale, CodeRange Codes) Quantizer(this NodeInfo node) =>
        (node.Float("scale"), new CodeRange(node.Integer("zero_point"), node.Integer("low", 0), node.Integer("high", 255)));

    /// <summary>Rows of a tensor [..., <paramref name="columns"/>].</summary>
    /// <exception cref="InvalidDataException">The last dimension is another one.</exception>
    public static long Rows(this TensorView tensor, int columns, string what) => tensor.Shape is [.., var last] && last == columns
        ? tensor.Count / columns
        : throw new InvalidDataException($"{what} has shape {tensor.ShapeText}; [..., {columns}] is expected.");
}
