using System.Runtime.InteropServices;
using Google.Protobuf;
using LampQ.Onnx.Proto;

namespace LampQ.Onnx;

/// <summary>Between tensors and their protobuf form, whose elements may stand in raw bytes, in typed lists, or in another file.</summary>
static class TensorProtos
{
    public static Tensor Read(TensorProto proto, Func<TensorProto, ReadOnlyMemory<byte>> external)
    {
        var type = (ElementType)proto.DataType;
        long[] shape = [.. proto.Dims];
        if (shape.Any(d => d < 0))
            throw new InvalidDataException($"Tensor '{proto.Name}' has a negative dimension: [{string.Join(",", shape)}].");
        if (type == ElementType.String)
            return Tensor.OfStrings([.. proto.StringData.Select(s => s.Memory)], shape);
        if (type.SizeInBits() == 0)
            throw new InvalidDataException($"Tensor '{proto.Name}' has the element type {proto.DataType}, which ONNX does not define.");
        var bytes = proto.DataLocation == TensorProto.Types.DataLocation.External ? external(proto)
            : proto.HasRawData ? proto.RawData.Memory
            : Typed(proto, type);
        long expected = SizeInBytes(proto, type, shape);
        if (bytes.Length != expected)
            throw new InvalidDataException($"Tensor '{proto.Name}' ({type}[{string.Join(",", shape)}]) should have {expected} bytes but has {bytes.Length}.");
        return Tensor.OfBytes(type, bytes, shape);
    }

    /// <summary>Bytes that type and shape ask for.</summary>
    /// <exception cref="InvalidDataException">They are more than a long holds.</exception>
    static long SizeInBytes(TensorProto proto, ElementType type, long[] shape)
    {
        try
        {
            return Tensor.SizeInBytes(type, shape);
        }
        catch (OverflowException e)
        {
            throw new InvalidDataException($"Tensor '{proto.Name}' ({type}[{string.Join(",", shape)}]) should have more bytes than can be counted.", e);
        }
    }

    /// <summary>The message without its elements: documentation, properties and unknown fields.</summary>
    public static TensorProto Shell(TensorProto proto)
    {
        proto.ClearRawData();
        proto.ClearDataLocation();
        proto.ClearName();
        proto.Dims.Clear();
        proto.ExternalData.Clear();
        proto.FloatData.Clear();
        proto.DoubleData.Clear();
        proto.Int32Data.Clear();
        proto.Int64Data.Clear();
        proto.Uint64Data.Clear();
        proto.StringData.Clear();
        return proto;
    }

    public static TensorProto Write(string name, Tensor tensor, TensorProto? shell = null)
    {
        var proto = shell?.Clone() ?? new TensorProto();
        proto.DataType = (int)tensor.Type;
        if (name.Length > 0)
            proto.Name = name;
        proto.Dims.AddRange(tensor.Shape);
        if (tensor.Strings is { } strings)
            proto.StringData.AddRange(strings.Select(s => UnsafeByteOperations.UnsafeWrap(s)));
        else
            proto.RawData = UnsafeByteOperations.UnsafeWrap(tensor.Bytes);
        return proto;
    }

    static ReadOnlyMemory<byte> Typed(TensorProto proto, ElementType type) => type switch
    {
        ElementType.Float or ElementType.Complex64 => Bytes<float>([.. proto.FloatData]),
        ElementType.Double or ElementType.Complex128 => Bytes<double>([.. proto.DoubleData]),
        ElementType.Int64 => Bytes<long>([.. proto.Int64Data]),
        ElementType.UInt64 => Bytes<ulong>([.. proto.Uint64Data]),
        ElementType.UInt32 => Bytes<uint>([.. proto.Uint64Data.Select(v => (uint)v)]),
        ElementType.Int32 => Bytes<int>([.. proto.Int32Data]),
        // Everything smaller stands in int32_data, one storage unit an entry: 2 bytes, or 1 byte (which holds two or four packed elements).
        ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 or ElementType.BFloat16 => Bytes<ushort>([.. proto.Int32Data.Select(v => (ushort)v)]),
        _ => proto.Int32Data.Select(v => (byte)v).ToArray(),
    };

    static ReadOnlyMemory<byte> Bytes<T>(T[] values) where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();
}
