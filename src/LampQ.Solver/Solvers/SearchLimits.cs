namespace LampQ.Solver;

/// <summary>How far a search may go. When a limit strikes, the answer is the best allocation so far with a true gap.</summary>
public sealed record SearchLimits
{
    /// <summary>Most partial allocations to look at, at least 1. No limit by default; the width bounds the work already.</summary>
    public long Nodes { get; init; } = long.MaxValue;

    /// <summary>Most partial allocations kept side by side, at least 1. Default 200,000: about 40 MB for 48 layers and two budgets.</summary>
    public int Width { get; init; } = 200_000;

    /// <summary>Longest time to search, above zero. No limit by default, because answers then depend on the machine.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.MaxValue;

    internal void Check()
    {
        if (Nodes < 1)
            throw new ArgumentException($"The node limit is {Nodes}; at least 1 is needed. Leave it out for no limit.", nameof(Nodes));
        if (Width < 1)
            throw new ArgumentException($"The width limit is {Width}; at least 1 is needed. Leave it out for the default.", nameof(Width));
        if (Time <= TimeSpan.Zero)
            throw new ArgumentException($"The time limit is {Time}; more than zero is needed. Leave it out for no limit.", nameof(Time));
    }
}
