using System.Reflection;

namespace LampQ.Quantization;

/// <summary>Turns the bytes of a JPEG or PNG file into RGB pixels, the same pixels as PIL's <c>Image.open(f).convert("RGB")</c>.</summary>
/// <remarks>
/// As in PIL, the EXIF orientation is ignored, colour profiles and gamma are not applied, and alpha is dropped rather
/// than composited onto a background. Decoders are safe to use from several threads at once.
/// </remarks>
public abstract partial class ImageDecoder
{
    /// <summary>Largest picture that is decoded: 89,478,485 pixels, the size from which PIL warns of a decompression bomb (256 MiB of RGB).</summary>
    public const int MaxPixels = 89_478_485;

    static ReadOnlySpan<byte> JpegSignature => [0xFF, 0xD8, 0xFF];

    /// <summary>Every decoder of this build.</summary>
    public static IReadOnlyList<ImageDecoder> All =>
        [.. typeof(ImageDecoder).GetProperties(BindingFlags.Public | BindingFlags.Static)
            .Where(property => property.PropertyType == typeof(ImageDecoder))
            .Select(property => (ImageDecoder)property.GetValue(null)!)];

    /// <summary>The decoder that is used when none is named: <c>skia</c> where it was compiled in, else <c>native</c>.</summary>
    public static ImageDecoder Default() => All.FirstOrDefault(decoder => decoder.Name == "skia") ?? Native;

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Decodes one picture; its kind is told by its first bytes, not by its name.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What to call the file in error messages, normally its path.</param>
    /// <exception cref="InvalidDataException">The file is empty, neither JPEG nor PNG, truncated, broken, of a kind that PIL cannot convert to RGB either, or has more than <see cref="MaxPixels"/> pixels.</exception>
    /// <exception cref="DllNotFoundException">A library that decodes this kind of file is not installed; the message says what to install.</exception>
    public RgbImage Decode(ReadOnlySpan<byte> file, string name)
    {
        if (file.IsEmpty)
            throw new InvalidDataException($"Image '{name}' is empty; expected a JPEG or PNG file. Replace or remove it.");
        try
        {
            if (file.StartsWith(JpegSignature)) return DecodeJpegCore(file);
            if (file.StartsWith(PngChunks.Signature)) return DecodePngCore(file);
        }
        catch (InvalidDataException problem)
        {
            throw new InvalidDataException($"Image '{name}' cannot be decoded: {problem.Message} Replace or remove it.", problem);
        }
        throw new InvalidDataException(
            $"Image '{name}' starts with the bytes {Convert.ToHexString(file[..Math.Min(8, file.Length)])}; expected a JPEG (FFD8FF) or PNG (89504E470D0A1A0A) file. Convert or remove it.");
    }

    /// <summary>Decodes a file that starts as a JPEG; throws <see cref="InvalidDataException"/> with one sentence that need not name the file.</summary>
    protected abstract RgbImage DecodeJpegCore(ReadOnlySpan<byte> file);

    /// <summary>Decodes a file that starts as a PNG; throws <see cref="InvalidDataException"/> with one sentence that need not name the file.</summary>
    protected abstract RgbImage DecodePngCore(ReadOnlySpan<byte> file);

    /// <summary>Room for [height, width, 3] bytes, all to be overwritten, after the size that the header claims has been checked.</summary>
    /// <exception cref="InvalidDataException">A side is 0, or there are more than <see cref="MaxPixels"/> pixels.</exception>
    protected static RgbImage Allocate(long width, long height)
    {
        if (width < 1 || height < 1)
            throw new InvalidDataException($"its header says {width}×{height} pixels; expected at least 1×1.");
        if (width * height > MaxPixels)
            throw new InvalidDataException($"its header says {width:N0}×{height:N0} pixels, more than the limit of {MaxPixels:N0}.");
        var pixels = spare?.Length == 3 * width * height ? spare : new byte[3 * width * height];
        spare = null;
        return new RgbImage((int)width, (int)height, pixels);
    }

    // Photographs of a data set mostly share a few sizes, so one array per thread saves most of the large allocations.
    [ThreadStatic]
    static byte[]? spare;

    /// <summary>Gives back the pixels of a decoded image that nobody will look at again; the next one of that size reuses them.</summary>
    internal static void Recycle(RgbImage image) => spare = image.Pixels.Length <= 16 << 20 ? image.Pixels : null;
}
