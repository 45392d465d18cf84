namespace LampQ.Quantization;

/// <summary>To which size a picture is resized before it is cropped.</summary>
public abstract record ResizeRule
{
    /// <summary>The shorter side becomes <paramref name="edge"/> pixels, the ratio is kept (torchvision's Resize(int)).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="edge"/> is below 1.</exception>
    public static ResizeRule ShortestEdge(int edge)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(edge, 1);
        return new ShortestEdgeRule(edge);
    }

    /// <summary>Both sides are given; the ratio may change (torchvision's Resize((h, w))).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1.</exception>
    public static ResizeRule Exact(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return new ExactRule(height, width);
    }

    /// <summary>The size for a picture of <paramref name="width"/>×<paramref name="height"/> pixels.</summary>
    public abstract (int Width, int Height) SizeFor(int width, int height);

    /// <summary>The size that every picture gets, or null when it depends on the picture.</summary>
    public abstract ImageSize? FixedSize { get; }
}

sealed record ShortestEdgeRule(int Edge) : ResizeRule
{
    public override ImageSize? FixedSize => null;

    public override (int Width, int Height) SizeFor(int width, int height) => Resampling.ShortestEdge(width, height, Edge);
}

sealed record ExactRule(int Height, int Width) : ResizeRule
{
    public override ImageSize? FixedSize => new(Height, Width);

    public override (int Width, int Height) SizeFor(int width, int height) => (Width, Height);
}
