using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A node while shapes are inferred. Dimensions are numbers, names, or unknown.</summary>
readonly struct ShapeContext(OrtApi api, nint context, IReadOnlyList<ElementType> outputs)
{
    /// <summary>The shape of an input; null where nothing is known.</summary>
    public ShapeDimension[]? Input(int index)
    {
        if (index >= api.ShapeInputCount(context))
            return null;
        nint info = api.ShapeInput(context, index);
        if (info == 0)
            return null;
        long[] dimensions = api.Dimensions(info);
        // ONNX Runtime shows a tensor of unknown rank as one without dimensions.
        if (dimensions.Length == 0)
            return null;
        string[] names = api.DimensionNames(info, dimensions.Length);
        return [.. dimensions.Zip(names, (number, name) => new ShapeDimension(number, name))];
    }

    /// <summary>An integer attribute; null where the node lacks it.</summary>
    public long? Integer(string name) => api.TryShapeAttribute(context, name, out long value) ? value : null;

    /// <summary>Sets the shape of an output.</summary>
    public void SetOutput(int index, params ReadOnlySpan<ShapeDimension> shape)
    {
        var dimensions = new long[shape.Length];
        var names = new string[shape.Length];
        for (int i = 0; i < shape.Length; i++)
            (dimensions[i], names[i]) = (shape[i].Number, shape[i].Name);
        nint info = api.CreateTensorInfo();
        try
        {
            api.SetTensorInfo(info, (int)outputs[index], dimensions, names);
            api.SetShapeOutput(context, index, info);
        }
        finally
        {
            api.ReleaseTensorInfo(info);
        }
    }
}

/// <summary>One dimension as far as it is known before a run.</summary>
/// <param name="Number">The size, or −1.</param>
/// <param name="Name">The name that stands for the size, or nothing.</param>
readonly record struct ShapeDimension(long Number, string Name = "")
{
    /// <summary>Nothing is known.</summary>
    public static ShapeDimension Unknown { get; } = new(-1);

    public static implicit operator ShapeDimension(long number) => new(number);
}
