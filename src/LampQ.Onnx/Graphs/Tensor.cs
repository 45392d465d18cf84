using System.Runtime.InteropServices;

namespace LampQ.Onnx;

/// <summary>An immutable tensor: type, shape, and row-major little-endian bytes as in ONNX raw_data (4-bit types two a byte).</summary>
public sealed class Tensor
{
    readonly long[] shape;

    Tensor(ElementType type, long[] shape, ReadOnlyMemory<byte> bytes, IReadOnlyList<ReadOnlyMemory<byte>>? strings = null)
    {
        Type = type;
        this.shape = shape;
        Bytes = bytes;
        Strings = strings;
    }

    /// <summary>Element type.</summary>
    public ElementType Type { get; }

    /// <summary>Sizes of the dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => shape;

    /// <summary>The elements as in ONNX raw_data; empty for text.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Number of elements: the product of the shape, 1 for a scalar.</summary>
    public long Count => CountOf(shape);

    /// <summary>Number of dimensions.</summary>
    public int Rank => shape.Length;

    internal IReadOnlyList<ReadOnlyMemory<byte>>? Strings { get; }

    /// <summary>A tensor over existing bytes, which must not change afterwards.</summary>
    /// <exception cref="ArgumentException">The bytes are not as many as type and shape ask for, or a dimension is negative.</exception>
    public static Tensor OfBytes(ElementType type, ReadOnlyMemory<byte> bytes, params ReadOnlySpan<long> shape)
    {
        long expected = SizeInBytes(type, shape);
        if (bytes.Length != expected)
            throw new ArgumentException($"A {type} tensor of shape [{string.Join(",", shape.ToArray())}] takes {expected} bytes, but {bytes.Length} were given.", nameof(bytes));
        return new Tensor(type, shape.ToArray(), bytes);
    }

    /// <summary>A float tensor; without a shape a vector.</summary>
    public static Tensor Of(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => Copy(ElementType.Float, values, shape);

    /// <summary>An int64 tensor; without a shape a vector.</summary>
    public static Tensor Of(ReadOnlySpan<long> values, params ReadOnlySpan<long> shape) => Copy(ElementType.Int64, values, shape);

    /// <summary>An int32 tensor; without a shape a vector.</summary>
    public static Tensor Of(ReadOnlySpan<int> values, params ReadOnlySpan<long> shape) => Copy(ElementType.Int32, values, shape);

    /// <summary>An int8 tensor; without a shape a vector.</summary>
    public static Tensor Of(ReadOnlySpan<sbyte> values, params ReadOnlySpan<long> shape) => Copy(ElementType.Int8, values, shape);

    /// <summary>A uint8 tensor; without a shape a vector.</summary>
    public static Tensor Of(ReadOnlySpan<byte> values, params ReadOnlySpan<long> shape) => Copy(ElementType.UInt8, values, shape);

    /// <summary>A float scalar.</summary>
    public static Tensor Scalar(float value) => ScalarOf(ElementType.Float, value);

    /// <summary>An int64 scalar.</summary>
    public static Tensor Scalar(long value) => ScalarOf(ElementType.Int64, value);

    /// <summary>A uint8 scalar.</summary>
    public static Tensor Scalar(byte value) => ScalarOf(ElementType.UInt8, value);

    /// <summary>An int8 scalar.</summary>
    public static Tensor Scalar(sbyte value) => ScalarOf(ElementType.Int8, value);

    /// <summary>An int4 tensor from values −8 to 7, packed two a byte, the first in the low half.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside −8 to 7.</exception>
    public static Tensor OfInt4(ReadOnlySpan<sbyte> values, params ReadOnlySpan<long> shape)
    {
        var packed = new byte[(values.Length + 1) / 2];
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] is < -8 or > 7)
                throw new ArgumentOutOfRangeException(nameof(values), $"Value {values[i]} at {i} does not fit int4 (−8 to 7).");
            packed[i / 2] |= (byte)((values[i] & 15) << (i % 2 * 4));
        }
        return OfBytes(ElementType.Int4, packed, shape.Length == 0 ? [values.Length] : shape);
    }

    /// <summary>Bytes that a tensor of this type and shape takes.</summary>
    public static long SizeInBytes(ElementType type, ReadOnlySpan<long> shape) => checked((CountOf(shape) * type.SizeInBits() + 7) / 8);

    /// <summary>The same elements under another shape.</summary>
    public Tensor Reshape(params ReadOnlySpan<long> newShape)
    {
        if (CountOf(newShape) != Count)
            throw new ArgumentException($"{Count} elements cannot take the shape [{string.Join(",", newShape.ToArray())}].", nameof(newShape));
        return new Tensor(Type, newShape.ToArray(), Bytes, Strings);
    }

    /// <summary>The elements as they lie in memory, for the types .NET has too.</summary>
    /// <exception cref="InvalidOperationException">T is not the element type.</exception>
    public ReadOnlySpan<T> As<T>() where T : unmanaged
    {
        bool fits = Type switch
        {
            ElementType.Float => typeof(T) == typeof(float),
            ElementType.Double => typeof(T) == typeof(double),
            ElementType.Int64 => typeof(T) == typeof(long),
            ElementType.Int32 => typeof(T) == typeof(int),
            ElementType.Int16 => typeof(T) == typeof(short),
            ElementType.Int8 => typeof(T) == typeof(sbyte),
            ElementType.UInt8 or ElementType.Bool => typeof(T) == typeof(byte),
            ElementType.UInt16 => typeof(T) == typeof(ushort),
            ElementType.UInt32 => typeof(T) == typeof(uint),
            ElementType.UInt64 => typeof(T) == typeof(ulong),
            ElementType.Float16 => typeof(T) == typeof(Half),
            _ => false,
        };
        if (!fits)
            throw new InvalidOperationException($"The tensor holds {Type}, not {typeof(T).Name}.");
        return MemoryMarshal.Cast<byte, T>(Bytes.Span);
    }

    /// <summary>The elements converted to float; exact for float, half, bfloat16 and integers up to 24 bits.</summary>
    /// <exception cref="NotSupportedException">The type has no conversion (text, complex, float8).</exception>
    public float[] ToFloats()
    {
        var result = new float[Count];
        var bytes = Bytes.Span;
        switch (Type)
        {
            case ElementType.Float: MemoryMarshal.Cast<byte, float>(bytes).CopyTo(result); break;
            case ElementType.Double: Convert<double>(bytes, result, v => (float)v); break;
            case ElementType.Float16: Convert<Half>(bytes, result, v => (float)v); break;
            case ElementType.BFloat16: Convert<ushort>(bytes, result, v => BitConverter.UInt32BitsToSingle((uint)v << 16)); break;
            default:
                var integers = ToIntegers();
                for (int i = 0; i < result.Length; i++)
                    result[i] = integers[i];
                break;
        }
        return result;
    }

    /// <summary>The elements of an integer or Boolean tensor, widened to 64 bits.</summary>
    /// <exception cref="NotSupportedException">The tensor does not hold integers.</exception>
    public long[] ToIntegers()
    {
        var result = new long[Count];
        var bytes = Bytes.Span;
        switch (Type)
        {
            case ElementType.Int64: MemoryMarshal.Cast<byte, long>(bytes).CopyTo(result); break;
            case ElementType.Int32: Convert<int>(bytes, result, v => v); break;
            case ElementType.Int16: Convert<short>(bytes, result, v => v); break;
            case ElementType.Int8: Convert<sbyte>(bytes, result, v => v); break;
            case ElementType.UInt8 or ElementType.Bool: Convert<byte>(bytes, result, v => v); break;
            case ElementType.UInt16: Convert<ushort>(bytes, result, v => v); break;
            case ElementType.UInt32: Convert<uint>(bytes, result, v => v); break;
            case ElementType.UInt64: Convert<ulong>(bytes, result, v => checked((long)v)); break;
            case ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2:
                int bits = Type.SizeInBits(), perByte = 8 / bits, sign = Type is ElementType.Int4 or ElementType.Int2 ? 1 << (bits - 1) : 0;
                for (int i = 0; i < result.Length; i++)
                {
                    int code = (bytes[i / perByte] >> (i % perByte * bits)) & ((1 << bits) - 1);
                    result[i] = (code ^ sign) - sign;
                }
                break;
            default: throw new NotSupportedException($"A tensor of type {Type} has no integers.");
        }
        return result;
    }

    /// <summary>Type and shape, "Float[3,4]".</summary>
    public override string ToString() => $"{Type}[{string.Join(",", shape)}]";

    internal static Tensor OfStrings(IReadOnlyList<ReadOnlyMemory<byte>> strings, long[] shape) => new(ElementType.String, shape, default, strings);

    static Tensor Copy<T>(ElementType type, ReadOnlySpan<T> values, ReadOnlySpan<long> shape) where T : unmanaged =>
        OfBytes(type, MemoryMarshal.AsBytes(values).ToArray(), shape.Length == 0 ? [values.Length] : shape);

    static Tensor ScalarOf<T>(ElementType type, T value) where T : unmanaged =>
        new(type, [], MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray());

    static long CountOf(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
            count = checked(count * (size >= 0 ? size : throw new ArgumentException($"A tensor cannot have {size} elements along a dimension.", nameof(shape))));
        return count;
    }

    static void Convert<T>(ReadOnlySpan<byte> bytes, float[] result, Func<T, float> convert) where T : unmanaged
    {
        var values = MemoryMarshal.Cast<byte, T>(bytes);
        for (int i = 0; i < result.Length; i++)
            result[i] = convert(values[i]);
    }

    static void Convert<T>(ReadOnlySpan<byte> bytes, long[] result, Func<T, long> convert) where T : unmanaged
    {
        var values = MemoryMarshal.Cast<byte, T>(bytes);
        for (int i = 0; i < result.Length; i++)
            result[i] = convert(values[i]);
    }
}
