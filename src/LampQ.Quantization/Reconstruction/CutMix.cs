namespace LampQ.Quantization;

/// <summary>
/// CutMix (Yun et al., ICCV 2019, section 3.1) without labels: a rectangle of an image is replaced by the same place of another image. What the mixed image should give, the float model says.
/// </summary>
/// <param name="Top">First row that is replaced.</param>
/// <param name="Left">First column.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
readonly record struct CutMix(int Top, int Left, int Height, int Width)
{
    // Shares of the area: less is no other image, more is the other one.
    const double SmallestShare = 0.1, LargestShare = 0.5;

    /// <summary>A rectangle of a tenth to half of the image, in its proportions, anywhere in it; none in 1 − chance of all cases.</summary>
    /// <param name="random">Always drawn from as often.</param>
    /// <param name="chance">0 to 1.</param>
    /// <param name="height">Of the image.</param>
    /// <param name="width">Of the image.</param>
    public static CutMix? Draw(Random random, double chance, int height, int width)
    {
        bool isMixed = random.NextDouble() < chance;
        double side = Math.Sqrt(SmallestShare + (LargestShare - SmallestShare) * random.NextDouble());
        int rows = (int)(height * side), columns = (int)(width * side);
        int top = random.Next(height - rows + 1), left = random.Next(width - columns + 1);
        return isMixed ? new CutMix(top, left, rows, columns) : null;
    }

    /// <summary>Replaces the rectangle in all channels.</summary>
    /// <param name="from">The other image [C, height, width].</param>
    /// <param name="to">The image; changed in place.</param>
    /// <param name="height">Of both.</param>
    /// <param name="width">Of both.</param>
    public void Paste(ReadOnlySpan<float> from, Span<float> to, int height, int width)
    {
        for (int channel = 0; channel < to.Length / (height * width); channel++)
            for (int row = Top; row < Top + Height; row++)
            {
                int at = (channel * height + row) * width + Left;
                from.Slice(at, Width).CopyTo(to[at..]);
            }
    }
}
