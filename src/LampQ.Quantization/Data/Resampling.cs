using System.Buffers;

namespace LampQ.Quantization;

/// <summary>Resizes pictures with antialiasing, to the same bytes as PIL's <c>Image.resize</c>.</summary>
/// <remarks>
/// Output pixel i sees the input around c = (i + ½)·s with s = in/out; the filter is stretched by max(s, 1), which is the
/// antialiasing. out_i = clip8(½ + Σ_j w_j·in_j) with weights normalized to 1 and rounded to 22-bit fixed point, rows first,
/// then columns, the intermediate picture rounded to 8 bits. Source: Pillow, src/libImaging/Resample.c.
/// </remarks>
public static class Resampling
{
    // 32 − 8 − 2: products with 8-bit pixels, and sums a little outside 0..255, fit 32 bits.
    const int PrecisionBits = 22;

    /// <summary>Resizes to an exact size; the sides may change their ratio.</summary>
    /// <param name="image">Not changed.</param>
    /// <param name="width">New width in pixels, at least 1.</param>
    /// <param name="height">New height in pixels, at least 1.</param>
    /// <param name="filter">How pixels are weighed.</param>
    /// <returns>A new image, or <paramref name="image"/> itself when it has that size already.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, the new size or the one between the passes is too large, or the filter is unknown.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, ImageDecoder.MaxPixels);
        // The picture between the two passes.
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * image.Height, Array.MaxLength / 3, nameof(width));
        if (!Enum.IsDefined(filter)) throw new ArgumentOutOfRangeException(nameof(filter), filter, "The filters are nearest, lanczos, bilinear and bicubic.");
        if ((image.Width, image.Height) == (width, height)) return image;
        var result = new RgbImage(width, height, new byte[3L * width * height]);
        ResizeInto(image, width, height, filter, result.Pixels);
        return result;
    }

    /// <summary>As <see cref="Resize"/>, into memory of the caller.</summary>
    /// <param name="result">[height, width, 3], exactly as long; the caller ensures it, and that the size differs from the image's and is allowed.</param>
    internal static void ResizeInto(RgbImage image, int width, int height, ResampleFilter filter, Span<byte> result)
    {
        if (filter == ResampleFilter.Nearest)
        {
            Nearest(image, width, height, result);
        }
        else if (image.Width == width)
        {
            Vertical(image.Pixels, 3 * width, Taps(image.Height, height, filter), result);
        }
        else if (image.Height == height)
        {
            Horizontal(image.Pixels, image.Width, height, Taps(image.Width, width, filter), result);
        }
        else
        {
            var length = 3 * width * image.Height;
            var narrowed = ArrayPool<byte>.Shared.Rent(length);
            Horizontal(image.Pixels, image.Width, image.Height, Taps(image.Width, width, filter), narrowed.AsSpan(0, length));
            Vertical(narrowed.AsSpan(0, length), 3 * width, Taps(image.Height, height, filter), result);
            ArrayPool<byte>.Shared.Return(narrowed);
        }
    }

    /// <summary>The size whose shorter side is <paramref name="edge"/>, the ratio kept: the longer side is ⌊edge·long/short⌋, as torchvision's Resize(int).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1, or the longer side would not fit an int.</exception>
    public static (int Width, int Height) ShortestEdge(int width, int height, int edge)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(edge, 1);
        var longest = (long)edge * Math.Max(width, height) / Math.Min(width, height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(longest, int.MaxValue, nameof(edge));
        return width <= height ? (edge, (int)longest) : ((int)longest, edge);
    }

    // Pillow, Geometry.c ImagingScaleAffine: the position is accumulated, not multiplied, so that rounding is the same.
    static void Nearest(RgbImage image, int width, int height, Span<byte> result)
    {
        var columns = Positions(image.Width, width);
        var rows = Positions(image.Height, height);
        for (int y = 0, o = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++, o += 3)
                image.Pixels.AsSpan(3 * (rows[y] * image.Width + columns[x]), 3).CopyTo(result[o..]);
        }

        static int[] Positions(int input, int output)
        {
            var scale = (double)input / output;
            var at = scale * 0.5;
            var positions = new int[output];
            for (var i = 0; i < output; i++, at += scale) positions[i] = Math.Min((int)at, input - 1);
            return positions;
        }
    }

    static void Horizontal(ReadOnlySpan<byte> input, int inputWidth, int height, Tap[] taps, Span<byte> output)
    {
        for (var y = 0; y < height; y++)
        {
            var row = input.Slice(3 * inputWidth * y, 3 * inputWidth);
            var target = output.Slice(3 * taps.Length * y, 3 * taps.Length);
            for (var x = 0; x < taps.Length; x++)
            {
                var weights = taps[x].Weights;
                var pixels = row.Slice(3 * taps[x].First, 3 * weights.Length);
                int red = 1 << (PrecisionBits - 1), green = red, blue = red;
                for (int k = 0, i = 0; k < weights.Length; k++, i += 3)
                {
                    red += pixels[i] * weights[k];
                    green += pixels[i + 1] * weights[k];
                    blue += pixels[i + 2] * weights[k];
                }
                target[3 * x] = Clip8(red);
                target[3 * x + 1] = Clip8(green);
                target[3 * x + 2] = Clip8(blue);
            }
        }
    }

    static void Vertical(ReadOnlySpan<byte> input, int rowLength, Tap[] taps, Span<byte> output)
    {
        var rented = ArrayPool<int>.Shared.Rent(rowLength);
        var sums = rented.AsSpan(0, rowLength);
        for (var y = 0; y < taps.Length; y++)
        {
            sums.Fill(1 << (PrecisionBits - 1));
            for (var k = 0; k < taps[y].Weights.Length; k++)
            {
                var row = input.Slice(rowLength * (taps[y].First + k), rowLength);
                var weight = taps[y].Weights[k];
                for (var i = 0; i < row.Length; i++) sums[i] += row[i] * weight;
            }
            var target = output.Slice(rowLength * y, rowLength);
            for (var i = 0; i < target.Length; i++) target[i] = Clip8(sums[i]);
        }
        ArrayPool<int>.Shared.Return(rented);
    }

    static byte Clip8(int sum) => (byte)Math.Clamp(sum >> PrecisionBits, 0, 255);

    /// <summary>The fixed-point weights of one output pixel, for the input pixels from <paramref name="First"/> on.</summary>
    readonly record struct Tap(int First, int[] Weights);

    static Tap[] Taps(int input, int output, ResampleFilter filter)
    {
        var scale = (double)input / output;
        var stretch = Math.Max(scale, 1);
        var support = Support(filter) * stretch;
        var taps = new Tap[output];
        for (var i = 0; i < output; i++)
        {
            var center = (i + 0.5) * scale;
            var first = Math.Max((int)(center - support + 0.5), 0);
            var end = Math.Min((int)(center + support + 0.5), input);
            var weights = new double[end - first];
            // Multiplying by 1/stretch and summing in this order keep the last bit equal to Pillow's.
            var total = 0.0;
            for (var k = 0; k < weights.Length; k++)
            {
                weights[k] = Weight(filter, (k + first - center + 0.5) * (1 / stretch));
                total += weights[k];
            }
            var fixedPoint = new int[weights.Length];
            for (var k = 0; k < weights.Length; k++)
            {
                var weight = (total != 0 ? weights[k] / total : weights[k]) * (1 << PrecisionBits);
                fixedPoint[k] = (int)(weight + (weight < 0 ? -0.5 : 0.5));
            }
            taps[i] = new Tap(first, fixedPoint);
        }
        return taps;
    }

    static double Support(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Lanczos => 3,
        ResampleFilter.Bicubic => 2,
        _ => 1,
    };

    static double Weight(ResampleFilter filter, double x)
    {
        const double a = -0.5;
        x = filter == ResampleFilter.Lanczos ? x : Math.Abs(x);
        return filter switch
        {
            ResampleFilter.Lanczos => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
            ResampleFilter.Bicubic when x < 1 => ((a + 2) * x - (a + 3)) * x * x + 1,
            ResampleFilter.Bicubic when x < 2 => (((x - 5) * x + 8) * x - 4) * a,
            ResampleFilter.Bicubic => 0,
            _ => x < 1 ? 1 - x : 0,
        };

        static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
    }
}
