using System.Buffers;

namespace LampQ.Quantization;

/// <summary>What happens to a picture before the model sees it: resize, centre crop, then (value·RescaleFactor − Mean)/Std per channel.</summary>
/// <remarks>
/// <c>new Preprocessing()</c> neither resizes nor crops and normalizes with the mean and deviation of ImageNet. Read the one
/// a model was trained with by <see cref="PreprocessorConfig"/>.
/// </remarks>
public sealed record Preprocessing
{
    /// <summary>Mean of ImageNet's red, green and blue, 0 to 1.</summary>
    public static IReadOnlyList<double> ImageNetMean { get; } = [0.485, 0.456, 0.406];

    /// <summary>Standard deviation of ImageNet's red, green and blue, 0 to 1.</summary>
    public static IReadOnlyList<double> ImageNetStd { get; } = [0.229, 0.224, 0.225];

    /// <summary>New size; null (default) leaves the size alone.</summary>
    public ResizeRule? Resize { get; init; }

    /// <summary>How pixels are weighed by <see cref="Resize"/>. Default bicubic, as in DeiT's and timm's evaluation.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Bicubic;

    /// <summary>Size of the centre crop (see <see cref="CenterCrop"/>); null (default) does not crop.</summary>
    public ImageSize? Crop { get; init; }

    /// <summary>Factor for the 8-bit values. Default 1/255; 1 keeps 0 to 255.</summary>
    public double RescaleFactor { get; init; } = 1.0 / 255;

    /// <summary>Subtracted from red, green and blue after rescaling. Default <see cref="ImageNetMean"/>.</summary>
    public IReadOnlyList<double> Mean { get; init; } = ImageNetMean;

    /// <summary>Divisor of red, green and blue, above 0. Default <see cref="ImageNetStd"/>.</summary>
    public IReadOnlyList<double> Std { get; init; } = ImageNetStd;

    /// <summary>Size of every output, or null when it depends on the picture.</summary>
    public ImageSize? OutputSize => Crop ?? Resize?.FixedSize;

    /// <summary>Checks every property.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it, its value and the range.</exception>
    public void Validate()
    {
        if (!Enum.IsDefined(Filter))
            throw new ArgumentException($"The resample filter is {(int)Filter}; expected 0 (nearest), 1 (lanczos), 2 (bilinear) or 3 (bicubic).");
        if (Crop is { } crop && (crop.Height < 1 || crop.Width < 1 || (long)crop.Height * crop.Width > ImageDecoder.MaxPixels))
            throw new ArgumentException($"The crop is {crop} (height×width); expected at least 1×1 and at most {ImageDecoder.MaxPixels:N0} pixels.");
        if (!double.IsFinite(RescaleFactor) || RescaleFactor <= 0)
            throw new ArgumentException($"The rescale factor is {RescaleFactor}; expected a number above 0, normally 1/255.");
        CheckChannels(Mean, nameof(Mean), double.IsFinite, "finite numbers");
        CheckChannels(Std, nameof(Std), std => double.IsFinite(std) && (float)std > 0, "numbers above 0");
    }

    static void CheckChannels(IReadOnlyList<double> values, string name, Func<double, bool> allowed, string expected)
    {
        if (values is null || values.Count != 3 || !values.All(allowed))
            throw new ArgumentException($"{name} is [{(values is null ? "null" : string.Join(", ", values))}]; expected three {expected}, for red, green and blue.");
    }

    /// <summary>The whole preprocessing of one picture.</summary>
    /// <param name="image">Not changed.</param>
    /// <param name="destination">Filled with [3, H, W]; exactly as long.</param>
    /// <exception cref="ArgumentException">A property is out of its range, or <paramref name="destination"/> has another length.</exception>
    /// <exception cref="InvalidDataException">The picture is so narrow that resizing it by its shorter side would exceed <see cref="ImageDecoder.MaxPixels"/>.</exception>
    public void Apply(RgbImage image, Span<float> destination)
    {
        Validate();
        Normalize(ResizeAndCrop(image).Pixels, destination);
    }

    /// <summary>The part that works on 8-bit pixels: resize, then crop.</summary>
    /// <exception cref="InvalidDataException">As <see cref="Apply"/>.</exception>
    public RgbImage ResizeAndCrop(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (width, height) = Resize is null ? (image.Width, image.Height) : SizeAfterResize(image);
        if ((width, height) == (image.Width, image.Height)) return Crop is { } only ? CenterCrop.Apply(image, only.Width, only.Height) : image;
        if (Crop is not { } crop) return Resampling.Resize(image, width, height, Filter);

        // Rented: a fresh array for every picture of a calibration set would be most of the garbage collector's work.
        var length = 3 * width * height;
        var resized = ArrayPool<byte>.Shared.Rent(length);
        Resampling.ResizeInto(image, width, height, Filter, resized.AsSpan(0, length));
        var result = CenterCrop.FromPixels(resized.AsSpan(0, length), width, height, crop.Width, crop.Height);
        ArrayPool<byte>.Shared.Return(resized);
        return result;
    }

    (int Width, int Height) SizeAfterResize(RgbImage image)
    {
        // In double precision, because the longer side of a hairline picture may not fit an int.
        var edge = Resize is ShortestEdgeRule rule ? rule.Edge : 0;
        var longest = (double)edge * Math.Max(image.Width, image.Height) / Math.Min(image.Width, image.Height);
        if (edge * longest <= ImageDecoder.MaxPixels)
        {
            var (width, height) = Resize!.SizeFor(image.Width, image.Height);
            // The first pass changes only the width.
            if ((long)width * height <= ImageDecoder.MaxPixels && (long)width * image.Height <= Array.MaxLength / 3) return (width, height);
        }
        throw new InvalidDataException($"{image.Width}×{image.Height} pixels cannot be resized by the rule {Resize}: the result would exceed the limit of {ImageDecoder.MaxPixels:N0} pixels.");
    }

    /// <summary>The part that makes floats: y[c, p] = (x[p, c]·RescaleFactor − Mean[c])/Std[c], in single precision as torchvision does.</summary>
    /// <param name="pixels">[P, 3], red first.</param>
    /// <param name="destination">Filled with [3, P]; exactly as long as <paramref name="pixels"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public void Normalize(ReadOnlySpan<byte> pixels, Span<float> destination)
    {
        if (pixels.Length % 3 != 0 || pixels.Length != destination.Length)
            throw new ArgumentException($"The destination holds {destination.Length:N0} floats for {pixels.Length:N0} RGB bytes; expected as many, and a multiple of 3.", nameof(destination));
        Span<float> values = stackalloc float[256];
        for (var channel = 0; channel < 3; channel++)
        {
            for (var value = 0; value < 256; value++)
                values[value] = ((float)(value * RescaleFactor) - (float)Mean[channel]) / (float)Std[channel];
            var plane = destination.Slice(channel * (pixels.Length / 3), pixels.Length / 3);
            for (int i = 0, from = channel; i < plane.Length; i++, from += 3) plane[i] = values[pixels[from]];
        }
    }
}
