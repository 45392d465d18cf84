namespace LampQ.Demo;

/// <summary>A colour, 0 to 255 in every channel.</summary>
readonly record struct Rgb(int R, int G, int B)
{
    /// <summary>|ΔR| + |ΔG| + |ΔB|: 0 to 765.</summary>
    public int DistanceTo(Rgb other) => Math.Abs(R - other.R) + Math.Abs(G - other.G) + Math.Abs(B - other.B);

    /// <summary>The colour <paramref name="numerator"/> / 256 of the way to <paramref name="other"/>, rounded down.</summary>
    public Rgb Toward(Rgb other, int numerator) =>
        new(R + (((other.R - R) * numerator) >> 8), G + (((other.G - G) * numerator) >> 8), B + (((other.B - B) * numerator) >> 8));
}

/// <summary>What colour a figure has at a point; coordinates as in <see cref="Figure"/>.</summary>
abstract record Paint
{
    public abstract Rgb At(int x, int y);
}

sealed record Plain(Rgb Color) : Paint
{
    public override Rgb At(int x, int y) => Color;
}

/// <summary>From one colour to another across the image, in the direction of <paramref name="Direction"/>.</summary>
sealed record Gradient(Rgb From, Rgb To, Angle Direction, int Width) : Paint
{
    public override Rgb At(int x, int y)
    {
        var along = Direction.Along(x - Width / 2, y - Width / 2) + Width / 2;
        return From.Toward(To, Math.Clamp(along * 256 / Width, 0, 256));
    }
}

/// <summary>Stripes of two colours, each half a <paramref name="Period"/> wide; <paramref name="Direction"/> is the way the stripes run.</summary>
sealed record Stripes(Rgb First, Rgb Second, Angle Direction, int Period, int Phase) : Paint
{
    public override Rgb At(int x, int y)
    {
        var across = (Direction.Plus(Angle.FullTurn / 4).Along(x, y) + Phase) % Period;
        if (across < 0)
            across += Period;
        return 2 * across < Period ? First : Second;
    }
}
