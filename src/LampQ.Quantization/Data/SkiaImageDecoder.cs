using SkiaSharp;

namespace LampQ.Quantization;

// Compiled only with -p:LampQImages=skia (docs/decisions/0006-image-decoding.md).
public abstract partial class ImageDecoder
{
    /// <summary>SkiaSharp, which brings its own native library for Windows and macOS.</summary>
    /// <remarks>
    /// Its JPEG pixels may differ from PIL's by a few steps of 255 (another upsampling of chroma), and 16-bit PNGs are
    /// rounded rather than cut to 8 bits. Colour profiles are not applied, alpha is dropped, and orientation is ignored, as in <see cref="Native"/>.
    /// </remarks>
    public static ImageDecoder Skia { get; } = new SkiaImageDecoder();
}

sealed class SkiaImageDecoder : ImageDecoder
{
    public override string Name => "skia";

    protected override RgbImage DecodeJpegCore(ReadOnlySpan<byte> file) => DecodeCore(file);

    // Without gAMA, iCCP and tRNS there is nothing for Skia to correct or to blend.
    protected override RgbImage DecodePngCore(ReadOnlySpan<byte> file) => DecodeCore(PngChunks.KeepPixels(file));

    static RgbImage DecodeCore(ReadOnlySpan<byte> file)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException("its header is broken or of an unsupported kind; expected a JPEG or PNG.");
        var image = Allocate(codec.Info.Width, codec.Info.Height);

        // Unpremultiplied, so that colours under transparent pixels stay; no colour space, so that none is converted to.
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
        var rgba = new byte[info.BytesSize64];
        SKCodecResult result;
        unsafe
        {
            fixed (byte* pixels = rgba) result = codec.GetPixels(info, (nint)pixels);
        }
        if (result != SKCodecResult.Success)
            throw new InvalidDataException($"it is a {image.Width}×{image.Height} picture whose data are truncated or broken ({result}); expected a complete file.");
        for (int i = 0, o = 0; i < rgba.Length; i += 4, o += 3)
            rgba.AsSpan(i, 3).CopyTo(image.Pixels.AsSpan(o));
        return image;
    }
}
