using System.Runtime.InteropServices;

namespace LampQ.Onnx;

/// <summary>One element of a <see cref="PartialTensor"/>: an integer, a real number, an integer known by name only, or unknown.</summary>
readonly record struct Element(long? Integer, double? Real = null, string? Symbol = null)
{
    public static Element Unknown => default;

    public bool IsKnown => Integer is not null || Real is not null;

    /// <summary>The element as a size; unknown for real numbers.</summary>
    public Dimension Dimension => new(Integer, Symbol);

    /// <summary>The number, integer or real; null when it has none.</summary>
    public double? Number => Integer ?? Real;

    public static implicit operator Element(long value) => new(value);

    public static implicit operator Element(Dimension dimension) => new(dimension.Size, null, dimension.Symbol);
}

/// <summary>
/// What is known before the model runs about the elements of a small tensor, usually one that holds a shape: [batch, 197, 192].
/// </summary>
/// <param name="Type">Element type of the tensor.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Elements">Its elements, row-major, as far as they are known.</param>
sealed record PartialTensor(ElementType Type, long[] Shape, Element[] Elements)
{
    /// <summary>Larger tensors hold data, not shapes, and are not followed.</summary>
    public const int MaximumCount = 4096;

    public bool IsComplete => Array.TrueForAll(Elements, e => e.IsKnown);

    public static PartialTensor? Of(Tensor tensor)
    {
        if (tensor.Count > MaximumCount)
            return null;
        if (tensor.Type is ElementType.Float or ElementType.Double)
        {
            double[] values = tensor.Type == ElementType.Double ? tensor.As<double>().ToArray() : Array.ConvertAll(tensor.ToFloats(), v => (double)v);
            return new(tensor.Type, [.. tensor.Shape], Array.ConvertAll(values, v => new Element(null, v)));
        }
        return tensor.Type is ElementType.Bool || tensor.Type.IsInteger() && tensor.Type != ElementType.UInt64
            ? new(tensor.Type, [.. tensor.Shape], Array.ConvertAll(tensor.ToIntegers(), v => (Element)v))
            : null;
    }

    /// <summary>A vector of int64, the usual form of a shape.</summary>
    public static PartialTensor Vector(IEnumerable<Dimension> dimensions)
    {
        Element[] elements = [.. dimensions.Select(d => (Element)d)];
        return new(ElementType.Int64, [elements.Length], elements);
    }

    public static PartialTensor Scalar(ElementType type, Element element) => new(type, [], [element]);

    /// <summary>The tensor itself when every element is known and the type is one that constants of shapes have; null otherwise.</summary>
    public Tensor? ToTensor()
    {
        if (!IsComplete)
            return null;
        return Type switch
        {
            ElementType.Int64 => Bytes(e => e.Integer!.Value),
            ElementType.Int32 => Bytes(e => (int)e.Integer!.Value),
            ElementType.Bool => Bytes(e => (byte)(e.Integer != 0 ? 1 : 0)),
            ElementType.Float => Bytes(e => (float)e.Real!.Value),
            ElementType.Double => Bytes(e => e.Real!.Value),
            _ => null,
        };
    }

    /// <summary>The elements that <paramref name="sources"/> names, in a tensor of another shape.</summary>
    public PartialTensor Take(long[] shape, ReadOnlySpan<int> sources)
    {
        var taken = new Element[sources.Length];
        for (int i = 0; i < taken.Length; i++)
            taken[i] = Elements[sources[i]];
        return new(Type, shape, taken);
    }

    Tensor Bytes<T>(Func<Element, T> convert) where T : unmanaged =>
        Tensor.OfBytes(Type, MemoryMarshal.AsBytes<T>(Array.ConvertAll(Elements, e => convert(e))).ToArray(), Shape);
}
