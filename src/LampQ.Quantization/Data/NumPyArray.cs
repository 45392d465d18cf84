using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace LampQ.Quantization;

/// <summary>An array as floats in C order, read from or written to a NumPy <c>.npy</c> file.</summary>
/// <param name="shape">Lengths of the axes; empty for a scalar.</param>
/// <param name="values">As many values as the product of <paramref name="shape"/>, the last axis running fastest.</param>
public sealed class NumPyArray(IReadOnlyList<int> shape, float[] values)
{
    /// <summary>Lengths of the axes.</summary>
    public IReadOnlyList<int> Shape { get; } = shape;

    /// <summary>The values, the last axis running fastest.</summary>
    public float[] Values { get; } = values;

    /// <summary>Reads a whole file: versions 1 to 3, float16, float32, float64, uint8, int32 or int64, C or Fortran order.</summary>
    /// <exception cref="ArgumentException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not a .npy file, is truncated, or holds more than an array can.</exception>
    /// <exception cref="NotSupportedException">Its values have another type; the message names it.</exception>
    public static NumPyArray Read(string path)
    {
        using var file = NumPyFile.Open(path);
        if (file.Length > Array.MaxLength)
            throw new InvalidDataException($"'{path}' holds {file.Length:N0} values; at most {Array.MaxLength:N0} can be read at once. Split it into several files.");
        var values = new float[file.Length];
        file.Read(0, values);
        return new NumPyArray(file.Shape, file.FortranOrder ? ToRowMajor(values, file.Shape) : values);
    }

    /// <summary>Writes a version 1 file of little-endian float32 in C order.</summary>
    /// <exception cref="ArgumentException">The number of values does not fit <see cref="Shape"/>.</exception>
    public void Write(string path)
    {
        if (Shape.Aggregate(1L, (product, axis) => product * axis) != Values.Length)
            throw new ArgumentException($"{Values.Length:N0} values do not fill the shape [{string.Join(", ", Shape)}].");
        var axes = string.Join(", ", Shape) + (Shape.Count == 1 ? "," : "");
        var header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes}), }}";
        // The format wants the data to start at a multiple of 64: 10 bytes before the header, a line feed after it.
        header = header.PadRight((header.Length + 11 + 63) / 64 * 64 - 11) + "\n";
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0]);
        writer.Write((ushort)header.Length);
        writer.Write(Encoding.Latin1.GetBytes(header));
        foreach (var value in Values) writer.Write(value);
    }

    // In Fortran order the first axis runs fastest: walk the row-major places and keep the column-major offset beside them.
    static float[] ToRowMajor(float[] columnMajor, IReadOnlyList<int> shape)
    {
        var rowMajor = new float[columnMajor.Length];
        var index = new int[shape.Count];
        var strides = new int[shape.Count];
        for (int axis = 0, stride = 1; axis < shape.Count; stride *= shape[axis++]) strides[axis] = stride;
        var from = 0;
        for (var i = 0; i < rowMajor.Length; i++)
        {
            rowMajor[i] = columnMajor[from];
            for (var axis = shape.Count - 1; axis >= 0; axis--)
            {
                from += strides[axis];
                if (++index[axis] < shape[axis]) break;
                from -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        return rowMajor;
    }
}

/// <summary>An open .npy file: the header is read, values are read where they are asked for.</summary>
/// <remarks>Format: NumPy Enhancement Proposal 1. Reading is safe from several threads at once.</remarks>
sealed partial class NumPyFile : IDisposable
{
    static readonly Dictionary<string, (int Size, Func<ReadOnlySpan<byte>, float> Read)> types = new()
    {
        ["<f2"] = (2, bytes => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes)),
        ["<f4"] = (4, BinaryPrimitives.ReadSingleLittleEndian),
        ["<f8"] = (8, bytes => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes)),
        ["|u1"] = (1, bytes => bytes[0]),
        ["<i4"] = (4, bytes => BinaryPrimitives.ReadInt32LittleEndian(bytes)),
        ["<i8"] = (8, bytes => BinaryPrimitives.ReadInt64LittleEndian(bytes)),
    };

    readonly FileStream stream;
    readonly string path;
    readonly long start;
    readonly int size;
    readonly Func<ReadOnlySpan<byte>, float> read;

    NumPyFile(FileStream stream, string path)
    {
        this.stream = stream;
        this.path = path;
        var prefix = ReadHeaderBytes(0, 12);
        if (!prefix.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y']))
            throw new InvalidDataException($"'{path}' starts with the bytes {Convert.ToHexString(prefix.AsSpan(0, 6))}; expected a NumPy .npy file (934E554D5059).");
        var version = prefix[6];
        if (version is < 1 or > 3)
            throw new InvalidDataException($"'{path}' is a .npy file of version {version}; expected 1, 2 or 3.");
        var (headerStart, headerLength) = version == 1
            ? (10, BinaryPrimitives.ReadUInt16LittleEndian(prefix.AsSpan(8)))
            : (12, (long)BinaryPrimitives.ReadUInt32LittleEndian(prefix.AsSpan(8)));
        if (headerLength > 65_536)
            throw new InvalidDataException($"'{path}' says that its .npy header has {headerLength:N0} bytes; expected at most 65,536.");
        var header = Encoding.UTF8.GetString(ReadHeaderBytes(headerStart, (int)headerLength));
        start = headerStart + headerLength;

        var type = Field(DescrField(), header, "descr");
        (size, read) = types.TryGetValue(type, out var known) ? known
            : throw new NotSupportedException($"'{path}' holds values of type '{type}'; readable are {string.Join(", ", types.Keys)}. Convert it with array.astype('float32').");
        FortranOrder = Field(OrderField(), header, "fortran_order") == "True";
        Shape = ParseShape(Field(ShapeField(), header, "shape"));
        Length = 1;
        foreach (var axis in Shape)
        {
            // Divided rather than multiplied: the product of absurd axes may overflow.
            if (axis != 0 && Length > stream.Length / axis) throw Truncated($"more than {stream.Length / size:N0}");
            Length *= axis;
        }
        if (Length > (stream.Length - start) / size) throw Truncated($"{Length:N0}");
    }

    /// <summary>Lengths of the axes.</summary>
    internal int[] Shape { get; }

    /// <summary>Number of values.</summary>
    internal long Length { get; }

    /// <summary>Whether the first axis runs fastest in the file.</summary>
    internal bool FortranOrder { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="ArgumentException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not a .npy file, or it is truncated.</exception>
    /// <exception cref="NotSupportedException">Its values have a type that is not read; the message names it.</exception>
    internal static NumPyFile Open(string path)
    {
        if (!File.Exists(path)) throw new ArgumentException($"The array '{path}' does not exist. Give the path of a .npy file.", nameof(path));
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        try
        {
            return new NumPyFile(stream, path);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads values in the order of the file.</summary>
    /// <param name="first">Index of the first value, within <see cref="Length"/>, which the caller ensures.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="InvalidDataException">The file has become shorter.</exception>
    internal void Read(long first, Span<float> destination)
    {
        var buffer = new byte[size * Math.Min(destination.Length, 16_384)];
        while (!destination.IsEmpty)
        {
            var count = Math.Min(destination.Length, buffer.Length / size);
            ReadExactly(buffer.AsSpan(0, size * count), start + first * size);
            for (var i = 0; i < count; i++) destination[i] = read(buffer.AsSpan(size * i, size));
            destination = destination[count..];
            first += count;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => stream.Dispose();

    byte[] ReadHeaderBytes(long at, int count)
    {
        var bytes = new byte[count];
        ReadExactly(bytes, at);
        return bytes;
    }

    void ReadExactly(Span<byte> bytes, long at)
    {
        while (!bytes.IsEmpty)
        {
            var count = RandomAccess.Read(stream.SafeFileHandle, bytes, at);
            if (count == 0)
                throw new InvalidDataException($"'{path}' ends after {stream.Length:N0} bytes, {bytes.Length:N0} bytes before the end of its array; expected a complete .npy file.");
            bytes = bytes[count..];
            at += count;
        }
    }

    string Field(Regex pattern, string header, string key) =>
        pattern.Match(header) is { Success: true } match ? match.Groups[1].Value
            : throw new InvalidDataException($"'{path}' has the .npy header {header.Trim()}; expected a value for '{key}' (structured types are not read).");

    int[] ParseShape(string text)
    {
        var axes = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return Array.ConvertAll(axes, axis => int.TryParse(axis, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            ? length
            : throw new InvalidDataException($"'{path}' has an axis of length {axis}; expected whole numbers below 2^31."));
    }

    InvalidDataException Truncated(string values) =>
        new($"'{path}' is truncated: its header promises {values} values of {size} bytes for the shape [{string.Join(", ", Shape)}], but only {stream.Length - start:N0} bytes follow.");

    [GeneratedRegex(@"'descr'\s*:\s*'([^']*)'")]
    private static partial Regex DescrField();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex OrderField();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)")]
    private static partial Regex ShapeField();
}
