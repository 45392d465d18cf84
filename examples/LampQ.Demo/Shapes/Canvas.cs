namespace LampQ.Demo;

/// <summary>A square picture of 4 × 4 samples per pixel; later paint covers earlier paint. Integers only.</summary>
sealed class Canvas(int sizeInPixels)
{
    public const int UnitsPerPixel = 64;

    const int SamplesPerPixel = 4;
    const int UnitsPerSample = UnitsPerPixel / SamplesPerPixel;

    readonly int _side = sizeInPixels * SamplesPerPixel;
    readonly Rgb[] _samples = new Rgb[sizeInPixels * SamplesPerPixel * sizeInPixels * SamplesPerPixel];

    public void Cover(Paint paint)
    {
        for (var row = 0; row < _side; row++)
            for (var column = 0; column < _side; column++)
                _samples[row * _side + column] = paint.At(Center(column), Center(row));
    }

    public void Draw(Figure figure, Paint paint)
    {
        var (firstRow, lastRow) = SamplesAround(figure.CenterY, figure.Extent);
        var (firstColumn, lastColumn) = SamplesAround(figure.CenterX, figure.Extent);
        for (var row = firstRow; row <= lastRow; row++)
            for (var column = firstColumn; column <= lastColumn; column++)
                if (figure.Contains(Center(column), Center(row)))
                    _samples[row * _side + column] = paint.At(Center(column), Center(row));
    }

    /// <summary>The mean colour of the samples of one pixel, rounded half up.</summary>
    public Rgb Pixel(int column, int row)
    {
        var (r, g, b) = (0, 0, 0);
        for (var y = row * SamplesPerPixel; y < (row + 1) * SamplesPerPixel; y++)
            foreach (var sample in _samples.AsSpan(y * _side + column * SamplesPerPixel, SamplesPerPixel))
                (r, g, b) = (r + sample.R, g + sample.G, b + sample.B);
        const int Count = SamplesPerPixel * SamplesPerPixel;
        return new((r + Count / 2) / Count, (g + Count / 2) / Count, (b + Count / 2) / Count);
    }

    static int Center(int sample) => sample * UnitsPerSample + UnitsPerSample / 2;

    // One sample more on either side than the extent needs: Angle.Along rounds, so an edge may move by a unit.
    (int First, int Last) SamplesAround(int center, int extent) =>
        (Math.Max(0, (center - extent) / UnitsPerSample - 1), Math.Min(_side - 1, (center + extent) / UnitsPerSample + 1));
}
