using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A tensor that ONNX Runtime owns: looked at where it lies, never copied or freed.</summary>
readonly unsafe struct TensorView
{
    readonly void* data;

    TensorView(ElementType type, long[] shape, void* data)
    {
        Type = type;
        Shape = shape;
        Count = CountOf(shape);
        this.data = data;
    }

    public ElementType Type { get; }

    /// <summary>Shared by tensors of this shape: not to be written to.</summary>
    public long[] Shape { get; }

    /// <summary>Number of elements; the address means nothing when it is 0.</summary>
    public long Count { get; }

    internal static TensorView Of(OrtApi api, nint value)
    {
        nint info = api.TensorInfo(value);
        try
        {
            return new TensorView((ElementType)api.ElementType(info), api.Dimensions(info), api.Data(value));
        }
        finally
        {
            api.ReleaseTensorInfo(info);
        }
    }

    internal static TensorView Of(OrtApi api, nint value, ElementType type, ReadOnlySpan<long> shape) => new(type, KnownShapes.Of(shape), api.Data(value));

    /// <summary>Address of element 0.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another size than <typeparamref name="T"/>, which is a defect of the operator.</exception>
    public T* Pointer<T>() where T : unmanaged => sizeof(T) * 8 == Type.SizeInBits()
        ? (T*)data
        : throw new InvalidOperationException($"The tensor holds {Type}, not {typeof(T).Name}.");

    /// <summary>The elements.</summary>
    public ReadOnlySpan<T> As<T>() where T : unmanaged => new(Pointer<T>(), checked((int)Count));

    /// <summary>The shape as messages show it.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    static long CountOf(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long dimension in shape)
            count *= dimension;
        return count;
    }
}
