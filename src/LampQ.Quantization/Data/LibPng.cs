using System.Runtime.InteropServices;
using System.Text;

namespace LampQ.Quantization;

/// <summary>Decodes PNG files with libpng's simplified API (libpng 1.6, png.h section "Simplified API").</summary>
static unsafe class LibPng
{
    const uint ImageVersion = 1;
    const uint FormatAlpha = 1;
    const uint FormatColor = 2;
    const uint FormatLinear = 4;
    const uint Flag16BitSrgb = 4;
    // Values above 1 in the low two bits of warning_or_error are errors; 1 is a warning.
    const uint ErrorMask = 2;

    const byte GrayColorType = 0;
    const byte AlphaBit = 4;

    static readonly Lazy<Functions> library = new(() => new Functions());

    /// <summary>Decodes a file from which <see cref="PngChunks.KeepPixels"/> removed all but the pixels.</summary>
    /// <param name="file">IHDR, PLTE, IDAT and IEND chunks.</param>
    /// <param name="header">Its header.</param>
    /// <param name="rgb">Row-major [Height, Width, 3].</param>
    /// <exception cref="InvalidDataException">libpng finds the file broken.</exception>
    /// <remarks>
    /// Sixteen bits become eight as in PIL: the high byte for RGB, min(value, 255) for gray (PIL opens 16-bit gray as integers
    /// and clips them). With alpha beside 16 bits libpng rounds instead of truncating, so a channel may differ from PIL by 1.
    /// </remarks>
    internal static void Decode(ReadOnlySpan<byte> file, PngHeader header, Span<byte> rgb)
    {
        var pixels = rgb.Length / 3;
        if ((header.ColorType & AlphaBit) != 0)
        {
            // Asked for RGB without alpha, libpng would composite onto a background; PIL just drops alpha.
            var rgba = new byte[4L * pixels];
            Read(file, header, FormatColor | FormatAlpha, rgba);
            for (int i = 0, o = 0; i < rgba.Length; i += 4, o += 3)
                rgba.AsSpan(i, 3).CopyTo(rgb[o..]);
        }
        else if (header.BitDepth == 16 && header.ColorType == GrayColorType)
        {
            // 16-bit output is "linear" in libpng's words; without gAMA it takes the file as linear too and leaves the values alone.
            var gray = new ushort[pixels];
            Read(file, header, FormatLinear, MemoryMarshal.AsBytes(gray.AsSpan()));
            for (int i = 0, o = 0; i < gray.Length; i++, o += 3)
                rgb.Slice(o, 3).Fill((byte)Math.Min(gray[i], (ushort)255));
        }
        else if (header.BitDepth == 16)
        {
            var wide = new ushort[3L * pixels];
            Read(file, header, FormatColor | FormatLinear, MemoryMarshal.AsBytes(wide.AsSpan()));
            for (var i = 0; i < wide.Length; i++) rgb[i] = (byte)(wide[i] >> 8);
        }
        else
        {
            Read(file, header, FormatColor, rgb);
        }
    }

    static void Read(ReadOnlySpan<byte> file, PngHeader header, uint format, Span<byte> output)
    {
        var functions = library.Value;
        var image = new Image { Version = ImageVersion };
        try
        {
            fixed (byte* bytes = file)
            fixed (byte* target = output)
            {
                Check(functions.BeginRead(&image, bytes, (nuint)file.Length), &image, header);
                image.Format = format;
                if ((format & FormatLinear) == 0) image.Flags |= Flag16BitSrgb;
                Check(functions.FinishRead(&image, null, target, 0, null), &image, header);
            }
        }
        finally
        {
            functions.Free(&image);
        }
    }

    static void Check(int succeeded, Image* image, PngHeader header)
    {
        if (succeeded != 0 && (image->WarningOrError & ErrorMask) == 0) return;
        var message = Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(image->Message));
        throw new InvalidDataException($"it is a {header.Width}×{header.Height} PNG whose data are truncated or broken ({message}); expected a complete file.");
    }

    /// <summary><c>png_image</c> of png.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct Image
    {
        internal nint Opaque;
        internal uint Version;
        internal uint Width;
        internal uint Height;
        internal uint Format;
        internal uint Flags;
        internal uint ColormapEntries;
        internal uint WarningOrError;
        internal fixed byte Message[64];
    }

    /// <summary>The functions of png.h; <c>png_uint_32</c> is uint, <c>png_int_32</c> is int.</summary>
    sealed class Functions
    {
        internal readonly delegate* unmanaged<Image*, void*, nuint, int> BeginRead;
        internal readonly delegate* unmanaged<Image*, void*, void*, int, void*, int> FinishRead;
        internal readonly delegate* unmanaged<Image*, void> Free;

        internal Functions()
        {
            var png = SystemLibrary.Load(
                "The PNG decoder libpng 1.6",
                "Install it (Debian and Ubuntu: apt install libpng16-16 or libpng16-16t64; Fedora: dnf install libpng; macOS: brew install libpng), or build with -p:LampQImages=skia.",
                "libpng16.so.16", "png16", "libpng16", "/opt/homebrew/opt/libpng/lib/libpng16.dylib");
            BeginRead = (delegate* unmanaged<Image*, void*, nuint, int>)png.Function("png_image_begin_read_from_memory");
            FinishRead = (delegate* unmanaged<Image*, void*, void*, int, void*, int>)png.Function("png_image_finish_read");
            Free = (delegate* unmanaged<Image*, void>)png.Function("png_image_free");
        }
    }
}
