using Microsoft.ML.Data;

namespace LampQ.Transforms;

/// <summary>A vector of any length, to be cut.</summary>
public sealed class WholeVector
{
    /// <summary>Its values.</summary>
    [ColumnName(Helper.Value)]
    public float[] Value { get; set; } = [];
}

/// <summary>
/// A vector cut into pieces of 1, 2, 4, ... values, as the binary digits of its length say, the largest first. A saved mapping gives vectors of the sizes its class
/// states; ML.NET's Concatenate puts pieces together to any size, so one class serves all models, and what follows in a pipeline sees a known size.
/// </summary>
public sealed class VectorPieces
{
    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P0"), VectorType(1 << 0)]
    public float[]? Piece0 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P1"), VectorType(1 << 1)]
    public float[]? Piece1 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P2"), VectorType(1 << 2)]
    public float[]? Piece2 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P3"), VectorType(1 << 3)]
    public float[]? Piece3 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P4"), VectorType(1 << 4)]
    public float[]? Piece4 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P5"), VectorType(1 << 5)]
    public float[]? Piece5 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P6"), VectorType(1 << 6)]
    public float[]? Piece6 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P7"), VectorType(1 << 7)]
    public float[]? Piece7 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P8"), VectorType(1 << 8)]
    public float[]? Piece8 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P9"), VectorType(1 << 9)]
    public float[]? Piece9 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P10"), VectorType(1 << 10)]
    public float[]? Piece10 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P11"), VectorType(1 << 11)]
    public float[]? Piece11 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P12"), VectorType(1 << 12)]
    public float[]? Piece12 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P13"), VectorType(1 << 13)]
    public float[]? Piece13 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P14"), VectorType(1 << 14)]
    public float[]? Piece14 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P15"), VectorType(1 << 15)]
    public float[]? Piece15 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P16"), VectorType(1 << 16)]
    public float[]? Piece16 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P17"), VectorType(1 << 17)]
    public float[]? Piece17 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P18"), VectorType(1 << 18)]
    public float[]? Piece18 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P19"), VectorType(1 << 19)]
    public float[]? Piece19 { get; set; }

    /// <summary>Values, where the length's digit is 1.</summary>
    [ColumnName("LampQ.P20"), VectorType(1 << 20)]
    public float[]? Piece20 { get; set; }

    /// <summary>Powers whose pieces make up a length, the largest first.</summary>
    /// <exception cref="NotSupportedException">The length is 2^21 or more.</exception>
    internal static IEnumerable<int> Powers(int length) => length < 1 << 21
        ? Enumerable.Range(0, 21).Reverse().Where(k => (length >> k & 1) != 0)
        : throw new NotSupportedException($"An output of {length:N0} values a row cannot be saved this way; up to {(1 << 21) - 1:N0} can. Save the step as ONNX.");

    internal void Set(float[] value)
    {
        int at = 0;
        Piece20 = Cut(value, ref at, 20, Piece20);
        Piece19 = Cut(value, ref at, 19, Piece19);
        Piece18 = Cut(value, ref at, 18, Piece18);
        Piece17 = Cut(value, ref at, 17, Piece17);
        Piece16 = Cut(value, ref at, 16, Piece16);
        Piece15 = Cut(value, ref at, 15, Piece15);
        Piece14 = Cut(value, ref at, 14, Piece14);
        Piece13 = Cut(value, ref at, 13, Piece13);
        Piece12 = Cut(value, ref at, 12, Piece12);
        Piece11 = Cut(value, ref at, 11, Piece11);
        Piece10 = Cut(value, ref at, 10, Piece10);
        Piece9 = Cut(value, ref at, 9, Piece9);
        Piece8 = Cut(value, ref at, 8, Piece8);
        Piece7 = Cut(value, ref at, 7, Piece7);
        Piece6 = Cut(value, ref at, 6, Piece6);
        Piece5 = Cut(value, ref at, 5, Piece5);
        Piece4 = Cut(value, ref at, 4, Piece4);
        Piece3 = Cut(value, ref at, 3, Piece3);
        Piece2 = Cut(value, ref at, 2, Piece2);
        Piece1 = Cut(value, ref at, 1, Piece1);
        Piece0 = Cut(value, ref at, 0, Piece0);
    }

    static float[]? Cut(float[] value, ref int at, int power, float[]? piece)
    {
        if ((value.Length >> power & 1) == 0)
            return null;
        piece ??= new float[1 << power];
        value.AsSpan(at, piece.Length).CopyTo(piece);
        at += piece.Length;
        return piece;
    }
}
