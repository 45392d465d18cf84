namespace LampQ.Quantization;

public abstract partial class ImageDecoder
{
    /// <summary>The libraries of the system: libjpeg-turbo through the TurboJPEG API, and libpng.</summary>
    public static ImageDecoder Native { get; } = new NativeImageDecoder();
}

sealed class NativeImageDecoder : ImageDecoder
{
    public override string Name => "native";

    protected override RgbImage DecodeJpegCore(ReadOnlySpan<byte> file)
    {
        using var jpeg = TurboJpeg.Open(file);
        var image = Allocate(jpeg.Width, jpeg.Height);
        jpeg.ReadInto(image.Pixels);
        return image;
    }

    protected override RgbImage DecodePngCore(ReadOnlySpan<byte> file)
    {
        // The header is read before libpng sees the file, so that a bomb costs nothing.
        var header = PngChunks.ReadHeader(file);
        var image = Allocate(header.Width, header.Height);
        LibPng.Decode(PngChunks.KeepPixels(file), header, image.Pixels);
        return image;
    }
}
