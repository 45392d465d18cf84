using System.Buffers.Binary;
using SkiaSharp;

namespace LampQ.Quantization;

// Compiled only with -p:LampQImages=skia (docs/decisions/0006-image-decoding.md).
public abstract partial class ImageDecoder
{
    /// <summary>SkiaSharp, which brings its own native library.</summary>
    /// <remarks>
    /// Its pixels are those of <see cref="Native"/>, and where alpha stands beside 16 bits those of PIL, which cuts to 8 bits and does not round. A JPEG
    /// cut short is refused; one with a bad code in the middle is decoded, as in PIL: Skia does not pass libjpeg's warnings on.
    /// </remarks>
    public static ImageDecoder Skia { get; } = new SkiaImageDecoder();
}

sealed class SkiaImageDecoder : ImageDecoder
{
    const byte GrayColorType = 0;
    const byte GrayAlphaColorType = 4;
    // The header's data begin behind the signature and the chunk's length and type.
    const int HeaderData = 16;

    public override string Name => "skia";

    protected override RgbImage DecodeJpegCore(ReadOnlySpan<byte> file)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException("its JPEG header is broken or of an unsupported kind; expected an 8-bit baseline or progressive JPEG.");
        var image = Allocate(codec.Info.Width, codec.Info.Height);
        CopyColors(Decode(codec, image), image.Pixels);
        return image;
    }

    protected override RgbImage DecodePngCore(ReadOnlySpan<byte> file)
    {
        // The header is read before Skia sees the file, so that a bomb costs nothing.
        var header = PngChunks.ReadHeader(file);
        var image = Allocate(header.Width, header.Height);
        // Without gAMA, iCCP and tRNS there is nothing for Skia to correct or to blend.
        var pixels = PngChunks.KeepPixels(file);
        bool wideGray = header is { BitDepth: 16, ColorType: GrayColorType };
        if (wideGray)
            ReadAsGrayAndAlpha(pixels);

        using var data = SKData.CreateCopy(pixels);
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException($"it is a {header.Width}×{header.Height} PNG that is broken or of an unsupported kind; expected a complete file.");
        var rgba = Decode(codec, image);
        if (wideGray)
            ClipGray(rgba, image.Pixels);
        else
            CopyColors(rgba, image.Pixels);
        return image;
    }

    static byte[] Decode(SKCodec codec, RgbImage image)
    {
        // Unpremultiplied, so that colours under transparent pixels stay; no colour space, so that none is converted to.
        var info = new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
        var rgba = new byte[info.BytesSize64];
        SKCodecResult result;
        unsafe
        {
            fixed (byte* pixels = rgba) result = codec.GetPixels(info, (nint)pixels);
        }
        if (result != SKCodecResult.Success)
            throw new InvalidDataException($"it is a {image.Width}×{image.Height} picture whose data are truncated or broken ({result}); expected a complete file.");
        return rgba;
    }

    static void CopyColors(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        for (int i = 0, o = 0; i < rgba.Length; i += 4, o += 3)
            rgba.Slice(i, 3).CopyTo(rgb[o..]);
    }

    // PIL clips 16-bit gray at 255, for which the low byte is needed, and Skia hands out the high byte only. Two bytes a pixel, filtered at a
    // distance of two, are also what 8-bit gray with alpha consists of: under such a header the low byte arrives as alpha.
    static void ReadAsGrayAndAlpha(Span<byte> png)
    {
        (png[HeaderData + 8], png[HeaderData + 9]) = (8, GrayAlphaColorType);
        // The checksum follows the data, and begins with the type before them.
        BinaryPrimitives.WriteUInt32BigEndian(png[(HeaderData + PngChunks.HeaderSize)..], Crc(png.Slice(HeaderData - 4, 4 + PngChunks.HeaderSize)));
    }

    static void ClipGray(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        for (int i = 0, o = 0; i < rgba.Length; i += 4, o += 3)
            rgb.Slice(o, 3).Fill(rgba[i] == 0 ? rgba[i + 3] : (byte)255);
    }

    // PNG specification, annex D.
    static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = ~0u;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
