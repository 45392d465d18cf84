namespace LampQ.Onnx;

/// <summary>Element type of a tensor; the numbers are those of the ONNX specification (TensorProto.DataType).</summary>
public enum ElementType
{
    /// <summary>Not stated in the file.</summary>
    Undefined = 0,
    /// <summary>IEEE 754 single precision.</summary>
    Float = 1,
    /// <summary>8 bits, 0 to 255.</summary>
    UInt8 = 2,
    /// <summary>8 bits, −128 to 127.</summary>
    Int8 = 3,
    /// <summary>16 bits, unsigned.</summary>
    UInt16 = 4,
    /// <summary>16 bits, signed.</summary>
    Int16 = 5,
    /// <summary>32 bits, signed.</summary>
    Int32 = 6,
    /// <summary>64 bits, signed.</summary>
    Int64 = 7,
    /// <summary>Text.</summary>
    String = 8,
    /// <summary>One byte, 0 or 1.</summary>
    Bool = 9,
    /// <summary>IEEE 754 half precision.</summary>
    Float16 = 10,
    /// <summary>IEEE 754 double precision.</summary>
    Double = 11,
    /// <summary>32 bits, unsigned.</summary>
    UInt32 = 12,
    /// <summary>64 bits, unsigned.</summary>
    UInt64 = 13,
    /// <summary>Two single precision numbers.</summary>
    Complex64 = 14,
    /// <summary>Two double precision numbers.</summary>
    Complex128 = 15,
    /// <summary>The upper half of a single precision number.</summary>
    BFloat16 = 16,
    /// <summary>8-bit float, 4 exponent bits, no infinities.</summary>
    Float8E4M3FN = 17,
    /// <summary>8-bit float, 4 exponent bits, no negative zero.</summary>
    Float8E4M3FNUZ = 18,
    /// <summary>8-bit float, 5 exponent bits.</summary>
    Float8E5M2 = 19,
    /// <summary>8-bit float, 5 exponent bits, no negative zero.</summary>
    Float8E5M2FNUZ = 20,
    /// <summary>4 bits, 0 to 15; two a byte, the first in the low half.</summary>
    UInt4 = 21,
    /// <summary>4 bits, −8 to 7; two a byte, the first in the low half.</summary>
    Int4 = 22,
    /// <summary>4-bit float; two a byte.</summary>
    Float4E2M1 = 23,
    /// <summary>8-bit exponent, a power of two.</summary>
    Float8E8M0 = 24,
    /// <summary>2 bits, 0 to 3; four a byte, the first lowest.</summary>
    UInt2 = 25,
    /// <summary>2 bits, −2 to 1; four a byte, the first lowest.</summary>
    Int2 = 26,
}

/// <summary>Sizes of element types.</summary>
public static class ElementTypes
{
    /// <summary>Bits that one element takes in a file; 0 for text and undefined types.</summary>
    public static int SizeInBits(this ElementType type) => type switch
    {
        ElementType.UInt2 or ElementType.Int2 => 2,
        ElementType.UInt4 or ElementType.Int4 or ElementType.Float4E2M1 => 4,
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool or ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ
            or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ or ElementType.Float8E8M0 => 8,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 16,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 32,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 or ElementType.Complex64 => 64,
        ElementType.Complex128 => 128,
        _ => 0,
    };

    /// <summary>True for the integer types, 2 to 64 bits.</summary>
    public static bool IsInteger(this ElementType type) => type is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16
        or ElementType.Int16 or ElementType.Int32 or ElementType.Int64 or ElementType.UInt32 or ElementType.UInt64
        or ElementType.UInt4 or ElementType.Int4 or ElementType.UInt2 or ElementType.Int2;
}
