namespace LampQ.Quantization;

/// <summary>A decoded picture: 8 bits each of red, green and blue, rows from the top, without padding.</summary>
public sealed class RgbImage
{
    /// <summary>Wraps pixels; the array is used as it is, not copied.</summary>
    /// <param name="width">Pixels per row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="pixels">Row-major [height, width, 3], red first.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1.</exception>
    /// <exception cref="ArgumentException"><paramref name="pixels"/> does not hold exactly 3·width·height bytes.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.Length != 3L * width * height)
            throw new ArgumentException($"{pixels.Length:N0} bytes were given for {width}×{height} RGB pixels; expected {3L * width * height:N0}.", nameof(pixels));
        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>Pixels per row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Row-major [Height, Width, 3], red first.</summary>
    public byte[] Pixels { get; }
}
