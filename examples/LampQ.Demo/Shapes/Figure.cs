namespace LampQ.Demo;

/// <summary>A region of the plane. Coordinates are in 1/64 pixel, x to the right, y downwards.</summary>
abstract record Figure(int CenterX, int CenterY)
{
    /// <summary>No point of the figure is further than this from its centre in x or in y.</summary>
    public abstract int Extent { get; }

    public bool Contains(int x, int y) => ContainsCore(x - CenterX, y - CenterY);

    /// <summary>The same question for a point given relative to the centre.</summary>
    protected abstract bool ContainsCore(int x, int y);
}

sealed record Disc(int CenterX, int CenterY, int Radius) : Figure(CenterX, CenterY)
{
    public override int Extent => Radius;

    protected override bool ContainsCore(int x, int y) => x * x + y * y <= Radius * Radius;
}

/// <summary>A rectangle with sides 2·<paramref name="HalfLength"/> (in the direction of <paramref name="Direction"/>) and 2·<paramref name="HalfWidth"/>.</summary>
sealed record Bar(int CenterX, int CenterY, Angle Direction, int HalfLength, int HalfWidth) : Figure(CenterX, CenterY)
{
    public override int Extent => HalfLength + HalfWidth;

    protected override bool ContainsCore(int x, int y) =>
        Math.Abs(Direction.Along(x, y)) <= HalfLength &&
        Math.Abs(Direction.Plus(Angle.FullTurn / 4).Along(x, y)) <= HalfWidth;
}

/// <summary>A polygon with equal sides, each at the distance <paramref name="Apothem"/> from the centre.</summary>
sealed record RegularPolygon(int CenterX, int CenterY, Angle Direction, int Sides, int Apothem) : Figure(CenterX, CenterY)
{
    // The corners are at Apothem / cos(180° / Sides), furthest for the triangle: twice the apothem.
    public override int Extent => 2 * Apothem;

    protected override bool ContainsCore(int x, int y)
    {
        for (var side = 0; side < Sides; side++)
            if (Direction.Plus(side * (Angle.FullTurn / Sides)).Along(x, y) > Apothem)
                return false;
        return true;
    }
}

/// <summary>Two bars at a right angle, three times as long as wide.</summary>
sealed record Cross(int CenterX, int CenterY, Angle Direction, int HalfLength) : Figure(CenterX, CenterY)
{
    public override int Extent => HalfLength + HalfLength / 3;

    protected override bool ContainsCore(int x, int y)
    {
        var along = Math.Abs(Direction.Along(x, y));
        var across = Math.Abs(Direction.Plus(Angle.FullTurn / 4).Along(x, y));
        return Math.Max(along, across) <= HalfLength && Math.Min(along, across) <= HalfLength / 3;
    }
}
