namespace LampQ.Quantization;

/// <summary>Cuts the middle out of a picture, as torchvision's CenterCrop.</summary>
public static class CenterCrop
{
    /// <summary>Where a crop starts: (size − crop)/2, halves to even; 227 → 224 starts at 2, 225 → 224 at 0.</summary>
    public static int Origin(int size, int crop) => (int)Math.Round((size - crop) / 2.0, MidpointRounding.ToEven);

    /// <summary>Crops; a picture smaller than the crop is first surrounded with black, ⌊missing/2⌋ of it on the left and on top.</summary>
    /// <param name="image">Not changed.</param>
    /// <param name="width">Width of the crop in pixels, at least 1.</param>
    /// <param name="height">Height of the crop in pixels, at least 1.</param>
    /// <returns>A new image, or <paramref name="image"/> itself when it has that size already.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1, or both together exceed <see cref="ImageDecoder.MaxPixels"/>.</exception>
    public static RgbImage Apply(RgbImage image, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, ImageDecoder.MaxPixels);
        if ((image.Width, image.Height) == (width, height)) return image;

        return FromPixels(image.Pixels, image.Width, image.Height, width, height);
    }

    /// <summary>As <see cref="Apply"/>, from pixels [imageHeight, imageWidth, 3]; the caller ensures the lengths.</summary>
    internal static RgbImage FromPixels(ReadOnlySpan<byte> pixels, int imageWidth, int imageHeight, int width, int height)
    {
        var (fromX, toX, countX) = Overlap(imageWidth, width);
        var (fromY, toY, countY) = Overlap(imageHeight, height);
        var result = new byte[3L * width * height];
        for (var y = 0; y < countY; y++)
            pixels.Slice(3 * ((fromY + y) * imageWidth + fromX), 3 * countX).CopyTo(result.AsSpan(3 * ((toY + y) * width + toX)));
        return new RgbImage(width, height, result);
    }

    // Along one side: where the common part starts in the picture and in the crop, and how long it is.
    static (int From, int To, int Count) Overlap(int size, int crop) =>
        size < crop ? (0, (crop - size) / 2, size) : (Origin(size, crop), 0, crop);
}
