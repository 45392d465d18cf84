using System.Runtime.InteropServices;

namespace LampQ.Quantization;

/// <summary>One JPEG file opened with the TurboJPEG API of libjpeg-turbo (2.1 or later): read the header, then the pixels.</summary>
/// <remarks>
/// Decoding uses libjpeg's defaults, as PIL does: the accurate integer DCT and smooth ("fancy") chroma upsampling.
/// CMYK and YCCK files are taken to be inverted, as Adobe writes them, and converted to RGB by PIL's formula.
/// Pixels that the decoder had to invent (truncated file, bad Huffman code) are an error here, although PIL accepts some of them.
/// </remarks>
unsafe ref struct TurboJpeg : IDisposable
{
    const int PixelFormatRgb = 0;
    const int PixelFormatCmyk = 11;
    const int ColorspaceCmyk = 3;
    const int FlagAccurateDct = 4096;
    // A progressive file of a few hundred bytes can ask for thousands of passes over a large picture.
    const int FlagLimitScans = 32768;
    const int ErrorWarning = 0;

    // libjpeg's texts for damage that leaves every pixel known (jerror.h: JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM).
    static readonly string[] harmlessWarnings = ["extraneous bytes before marker", "unknown JFIF revision", "unknown Adobe color transform"];

    static readonly Lazy<Functions> library = new(() => new Functions());

    readonly ReadOnlySpan<byte> file;
    readonly int colorspace;
    nint handle;

    TurboJpeg(nint handle, ReadOnlySpan<byte> file, int width, int height, int colorspace)
    {
        this.handle = handle;
        this.file = file;
        this.colorspace = colorspace;
        Width = width;
        Height = height;
    }

    /// <summary>Pixels per row, as the header says.</summary>
    internal int Width { get; }

    /// <summary>Rows, as the header says.</summary>
    internal int Height { get; }

    /// <summary>Reads the header.</summary>
    /// <exception cref="InvalidDataException">It is not the header of a JPEG that libjpeg-turbo reads.</exception>
    internal static TurboJpeg Open(ReadOnlySpan<byte> file)
    {
        var functions = library.Value;
        var handle = functions.InitDecompress();
        if (handle == 0) throw new InvalidOperationException($"TurboJPEG could not start: {functions.Message(0)}.");
        int width = 0, height = 0, subsampling = -1, colorspace = -1;
        fixed (byte* bytes = file)
            functions.DecompressHeader(handle, bytes, new CULong((nuint)file.Length), &width, &height, &subsampling, &colorspace);
        // The status says less than the values: chroma subsampling outside TurboJPEG's own list is an error, although such a file
        // decodes well, and a file that ends before its frame header is none.
        if (width < 1 || height < 1 || colorspace < 0)
        {
            var message = functions.Message(handle).Trim();
            functions.Destroy(handle);
            throw new InvalidDataException($"its JPEG header is broken or of an unsupported kind ({message}); expected an 8-bit baseline or progressive JPEG.");
        }
        return new TurboJpeg(handle, file, width, height, colorspace);
    }

    /// <summary>Decodes the pixels.</summary>
    /// <param name="rgb">Row-major [Height, Width, 3]; exactly this long, which the caller ensures.</param>
    /// <exception cref="InvalidDataException">The file is truncated or damaged.</exception>
    internal readonly void ReadInto(Span<byte> rgb)
    {
        if (colorspace < ColorspaceCmyk)
        {
            Decompress(rgb, PixelFormatRgb);
            return;
        }
        var cmyk = new byte[4L * Width * Height];
        Decompress(cmyk, PixelFormatCmyk);
        CmykToRgb(cmyk, rgb);
    }

    readonly void Decompress(Span<byte> pixels, int format)
    {
        var functions = library.Value;
        int status;
        fixed (byte* bytes = file)
        fixed (byte* output = pixels)
            status = functions.Decompress(handle, bytes, new CULong((nuint)file.Length), output, Width, 0, Height, format, FlagAccurateDct | FlagLimitScans);
        if (status == 0) return;

        var message = functions.Message(handle);
        // Only the first warning has a text, so a truncated file may report a harmless one: look for the end marker as well.
        var harmless = functions.ErrorCode(handle) == ErrorWarning
            && harmlessWarnings.Any(text => message.Contains(text, StringComparison.Ordinal))
            && HasEndOfImage(file);
        if (!harmless)
            throw new InvalidDataException($"it is a {Width}×{Height} JPEG whose data are truncated or broken ({message}); expected a complete file.");
    }

    // Inside the scans a byte FF is always followed by 00 or another marker, so FFD9 after the first scan is the end of the image.
    static bool HasEndOfImage(ReadOnlySpan<byte> file)
    {
        var firstScan = file.IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        return firstScan >= 0 && file[firstScan..].IndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) >= 0;
    }

    // PIL reads the bytes inverted ("CMYK;I"), so that 255 is full ink, then computes max(0, (255 − K) − ink·(255 − K)/255).
    // The file holds 255 − ink, hence 255 − K is the stored byte itself.
    static void CmykToRgb(ReadOnlySpan<byte> cmyk, Span<byte> rgb)
    {
        for (int i = 0, o = 0; i < cmyk.Length; i += 4, o += 3)
        {
            var light = cmyk[i + 3];
            for (var channel = 0; channel < 3; channel++)
            {
                var product = (255 - cmyk[i + channel]) * light + 128;
                rgb[o + channel] = (byte)Math.Max(0, light - (((product >> 8) + product) >> 8));
            }
        }
    }

    /// <summary>Frees the decoder.</summary>
    public void Dispose()
    {
        if (handle != 0) library.Value.Destroy(handle);
        handle = 0;
    }

    /// <summary>The functions of turbojpeg.h (2.x; 3.x keeps them); <c>unsigned long</c> is CULong.</summary>
    sealed class Functions
    {
        internal readonly delegate* unmanaged<nint> InitDecompress;
        internal readonly delegate* unmanaged<nint, int> Destroy;
        internal readonly delegate* unmanaged<nint, byte*, CULong, int*, int*, int*, int*, int> DecompressHeader;
        internal readonly delegate* unmanaged<nint, byte*, CULong, byte*, int, int, int, int, int, int> Decompress;
        internal readonly delegate* unmanaged<nint, int> ErrorCode;
        readonly delegate* unmanaged<nint, byte*> errorText;

        internal Functions()
        {
            var turbo = SystemLibrary.Load(
                "The JPEG decoder libturbojpeg",
                "Install it (Debian and Ubuntu: apt install libturbojpeg0 or libturbojpeg; Fedora: dnf install turbojpeg; macOS: brew install jpeg-turbo), or build with -p:LampQImages=skia.",
                "libturbojpeg.so.0", "turbojpeg", "libturbojpeg", "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib");
            InitDecompress = (delegate* unmanaged<nint>)turbo.Function("tjInitDecompress");
            Destroy = (delegate* unmanaged<nint, int>)turbo.Function("tjDestroy");
            DecompressHeader = (delegate* unmanaged<nint, byte*, CULong, int*, int*, int*, int*, int>)turbo.Function("tjDecompressHeader3");
            Decompress = (delegate* unmanaged<nint, byte*, CULong, byte*, int, int, int, int, int, int>)turbo.Function("tjDecompress2");
            ErrorCode = (delegate* unmanaged<nint, int>)turbo.Function("tjGetErrorCode");
            errorText = (delegate* unmanaged<nint, byte*>)turbo.Function("tjGetErrorStr2");
        }

        internal string Message(nint handle) => Marshal.PtrToStringUTF8((nint)errorText(handle)) ?? "no message";
    }
}
