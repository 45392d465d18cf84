using System.Globalization;

namespace LampQ.Demo;

/// <summary>
/// Labelled pictures drawn from a seed, the same bytes on every platform: one striped figure on a busy background, 32 × 32, 24 classes.
/// The class is the direction in which the stripes run: 24 directions, 7.5° apart.
/// </summary>
/// <remarks>
/// The figure (disc, square, triangle or cross, of equal areas) has any position, size, rotation and colours; smaller striped and
/// plain shapes lie behind, bars lie over it, and every channel is noisy. Only integers are used for drawing.
/// </remarks>
public static class ShapeImages
{
    /// <summary>Width and height in pixels.</summary>
    public const int Size = 32;

    /// <summary>Numbers in one picture: 3 channels of 32 × 32.</summary>
    public const int Length = 3 * Size * Size;

    /// <summary>The seed of the pictures that the shipped model was trained on. Never evaluate on it.</summary>
    public const ulong TrainingSeed = 1;

    /// <summary>The seed of calibration pictures.</summary>
    public const ulong CalibrationSeed = 2;

    /// <summary>The seed of evaluation pictures: neither training nor calibration has seen them.</summary>
    public const ulong EvaluationSeed = 3;

    const int Directions = 24;

    /// <summary>24 names; the position is the label. Degrees are counted anticlockwise from level.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
        [.. Enumerable.Range(0, Directions).Select(label => string.Create(CultureInfo.InvariantCulture, $"stripes at {label * 180.0 / Directions}°"))];

    /// <summary>The class of picture number <paramref name="index"/>: every run of 24 pictures has each class once.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is negative.</exception>
    public static int LabelOf(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return index % Directions;
    }

    /// <summary>Draws one picture.</summary>
    /// <param name="seed">Which endless series of pictures.</param>
    /// <param name="index">Which picture of the series, 0 or more.</param>
    /// <param name="rgb">Receives <see cref="Length"/> bytes, [row, column, channel].</param>
    /// <returns>The label, <see cref="LabelOf"/> of the index.</returns>
    /// <exception cref="ArgumentException"><paramref name="rgb"/> has another length.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is negative.</exception>
    public static int Draw(ulong seed, int index, Span<byte> rgb)
    {
        if (rgb.Length != Length)
            throw new ArgumentException($"The buffer has {rgb.Length} bytes; one picture needs {Length}. Pass a slice of that length.", nameof(rgb));
        var label = LabelOf(index);
        var random = new SplitMix64(seed, (ulong)index);
        var canvas = new Canvas(Size);

        var background = DrawBackground(canvas, ref random);
        DrawClutter(canvas, ref random);
        var figure = DrawFigure(canvas, ref random, label, background);
        DrawBarsOver(canvas, ref random, figure);
        AddNoise(canvas, ref random, rgb);
        return label;
    }

    /// <summary>Draws pictures <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> − 1 as a model reads them.</summary>
    /// <returns>Pixels [count, 3, 32, 32] from −1 to 1 (see <see cref="Normalize"/>) and count labels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="first"/> or <paramref name="count"/> is negative, or the pixels do not fit one array (about 699,000 pictures).
    /// </exception>
    public static (float[] Pixels, int[] Labels) DrawBatch(ulong seed, int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Array.MaxLength / Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, int.MaxValue - count);
        var pixels = new float[count * Length];
        var labels = new int[count];
        Parallel.For(0, count, i =>
        {
            Span<byte> rgb = stackalloc byte[Length];
            labels[i] = Draw(seed, first + i, rgb);
            Normalize(rgb, pixels.AsSpan(i * Length, Length));
        });
        return (pixels, labels);
    }

    /// <summary>Turns bytes [row, column, channel] into floats [channel, row, column]: (v − 127.5) / 127.5, mean .5 and deviation .5 on the scale 0 to 1.</summary>
    /// <exception cref="ArgumentException">A span does not have <see cref="Length"/> elements.</exception>
    public static void Normalize(ReadOnlySpan<byte> rgb, Span<float> pixels)
    {
        if (rgb.Length != Length || pixels.Length != Length)
            throw new ArgumentException($"The spans have {rgb.Length} and {pixels.Length} elements; one picture has {Length}. Pass slices of that length.");
        for (var i = 0; i < Size * Size; i++)
            for (var channel = 0; channel < 3; channel++)
                pixels[channel * Size * Size + i] = (rgb[3 * i + channel] - 127.5f) / 127.5f;
    }

    static Rgb DrawBackground(Canvas canvas, ref SplitMix64 random)
    {
        var from = AnyColor(ref random);
        var to = from.Toward(AnyColor(ref random), 128);
        canvas.Cover(new Gradient(from, to, AnyAngle(ref random), Units(Size)));
        return from.Toward(to, 128);
    }

    // Plain shapes and a small patch of stripes in any direction: edges alone do not give the class away.
    static void DrawClutter(Canvas canvas, ref SplitMix64 random)
    {
        for (var left = random.Next(2, 5); left > 0; left--)
        {
            var (x, y) = (random.Next(0, Units(Size)), random.Next(0, Units(Size)));
            Figure figure = random.Next(0, 2) switch
            {
                0 => new Disc(x, y, random.Next(Units(1), Units(4))),
                1 => new RegularPolygon(x, y, AnyAngle(ref random), random.Next(3, 4), random.Next(Units(1), Units(3))),
                _ => new Bar(x, y, AnyAngle(ref random), random.Next(Units(3), Units(8)), random.Next(Units(1) / 2, Units(2))),
            };
            Paint paint = left == 1
                ? new Stripes(AnyColor(ref random), AnyColor(ref random), AnyAngle(ref random), random.Next(Units(3), Units(7)), 0)
                : new Plain(AnyColor(ref random));
            canvas.Draw(figure, paint);
        }
    }

    static Figure DrawFigure(Canvas canvas, ref SplitMix64 random, int direction, Rgb background)
    {
        var radius = random.Next(Units(9), Units(12));
        var (x, y) = (AnyCenter(ref random, radius), AnyCenter(ref random, radius));
        var rotation = AnyAngle(ref random);
        // The factors (in 64ths) give all figures the area of the disc: √(π/4), √(π/√27), √(π·9/20).
        Figure figure = random.Next(0, 3) switch
        {
            0 => new Disc(x, y, radius),
            1 => new RegularPolygon(x, y, rotation, 4, radius * 57 / 64),
            2 => new RegularPolygon(x, y, rotation, 3, radius * 50 / 64),
            _ => new Cross(x, y, rotation, radius * 76 / 64),
        };

        var runs = new Angle(direction * (Angle.FullTurn / 2 / Directions));
        var first = ColorAwayFrom(background, background, ref random);
        var second = ColorAwayFrom(background, first, ref random);
        var period = random.Next(Units(7) / 2, Units(13) / 2);
        canvas.Draw(figure, new Stripes(first, second, runs, period, random.Next(0, period - 1)));
        return figure;
    }

    static void DrawBarsOver(Canvas canvas, ref SplitMix64 random, Figure figure)
    {
        for (var left = random.Next(0, 1); left > 0; left--)
        {
            var x = figure.CenterX + random.Next(-figure.Extent, figure.Extent);
            var y = figure.CenterY + random.Next(-figure.Extent, figure.Extent);
            var bar = new Bar(x, y, AnyAngle(ref random), random.Next(Units(6), Units(16)), random.Next(Units(1) / 2, Units(3) / 2));
            canvas.Draw(bar, new Plain(AnyColor(ref random)));
        }
    }

    static void AddNoise(Canvas canvas, ref SplitMix64 random, Span<byte> rgb)
    {
        var amplitude = random.Next(4, 24);
        for (var row = 0; row < Size; row++)
            for (var column = 0; column < Size; column++)
            {
                var pixel = canvas.Pixel(column, row);
                var at = 3 * (row * Size + column);
                rgb[at] = Noisy(pixel.R, amplitude, ref random);
                rgb[at + 1] = Noisy(pixel.G, amplitude, ref random);
                rgb[at + 2] = Noisy(pixel.B, amplitude, ref random);
            }
    }

    static byte Noisy(int value, int amplitude, ref SplitMix64 random) =>
        (byte)Math.Clamp(value + random.Next(-amplitude, amplitude), 0, 255);

    static int Units(int pixels) => pixels * Canvas.UnitsPerPixel;

    static Angle AnyAngle(ref SplitMix64 random) => new(random.Next(0, Angle.FullTurn - 1));

    static int AnyCenter(ref SplitMix64 random, int radius) => random.Next(radius, Units(Size) - radius);

    static Rgb AnyColor(ref SplitMix64 random) => new(random.Next(20, 235), random.Next(20, 235), random.Next(20, 235));

    static Rgb ColorAwayFrom(Rgb one, Rgb other, ref SplitMix64 random)
    {
        // Whatever the two colours, half of all colours are far enough from both, so this ends soon.
        const int Distance = 130;
        while (true)
        {
            var color = AnyColor(ref random);
            if (color.DistanceTo(one) >= Distance && color.DistanceTo(other) >= Distance)
                return color;
        }
    }
}
