using System.Buffers.Binary;

namespace LampQ.Quantization;

/// <summary>What the IHDR chunk of a PNG says.</summary>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="BitDepth">Bits per channel, or per palette index.</param>
/// <param name="ColorType">0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha.</param>
readonly record struct PngHeader(uint Width, uint Height, byte BitDepth, byte ColorType);

/// <summary>Reads a PNG file chunk by chunk (PNG specification, section 5.3: length, type, data, CRC).</summary>
static class PngChunks
{
    internal static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    // Length, type and CRC around the data of a chunk.
    const int Overhead = 12;

    /// <summary>Bytes of data that an IHDR chunk has.</summary>
    internal const int HeaderSize = 13;

    /// <summary>The header, whose chunk must come first.</summary>
    /// <exception cref="InvalidDataException">It is missing or cut off.</exception>
    internal static PngHeader ReadHeader(ReadOnlySpan<byte> file)
    {
        var chunk = file[Signature.Length..];
        if (chunk.Length < Overhead + HeaderSize || BinaryPrimitives.ReadUInt32BigEndian(chunk) != HeaderSize || !chunk[4..].StartsWith("IHDR"u8))
            throw new InvalidDataException($"it is a PNG of {file.Length:N0} bytes without a header; expected an IHDR chunk of {HeaderSize} bytes first.");
        var data = chunk[8..];
        return new PngHeader(BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]), data[8], data[9]);
    }

    /// <summary>
    /// The same file with only the chunks that define pixels: IHDR, PLTE, IDAT, IEND. Without gAMA, cHRM, sRGB and iCCP
    /// libpng applies no colour correction, without tRNS it adds no alpha channel; PIL's convert("RGB") ignores all of them.
    /// </summary>
    /// <exception cref="InvalidDataException">A chunk runs past the end of the file, or the last chunk, IEND, is missing.</exception>
    internal static byte[] KeepPixels(ReadOnlySpan<byte> file)
    {
        var kept = new byte[file.Length];
        var length = Signature.Length;
        Signature.CopyTo(kept);
        for (var at = Signature.Length; ;)
        {
            if (file.Length - at < Overhead)
                throw new InvalidDataException($"it is a PNG that ends after {file.Length:N0} bytes without an IEND chunk; expected a complete file.");
            var size = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            var type = file.Slice(at + 4, 4);
            if (size > file.Length - at - Overhead)
                throw new InvalidDataException($"it is a PNG whose chunk at byte {at:N0} says {size:N0} bytes, but only {file.Length - at - Overhead:N0} follow; expected a complete file.");
            var chunk = file.Slice(at, Overhead + (int)size);
            if (type.SequenceEqual("IHDR"u8) || type.SequenceEqual("PLTE"u8) || type.SequenceEqual("IDAT"u8) || type.SequenceEqual("IEND"u8))
            {
                chunk.CopyTo(kept.AsSpan(length));
                length += chunk.Length;
            }
            if (type.SequenceEqual("IEND"u8)) return kept[..length];
            at += chunk.Length;
        }
    }
}
