using System.Globalization;

namespace LampQ.Onnx;

/// <summary>One dimension of a shape: a known size, a named one that differs from run to run ("batch"), or unknown.</summary>
/// <param name="Size">The size when it is known.</param>
/// <param name="Symbol">The name when it is not.</param>
public readonly record struct Dimension(long? Size, string? Symbol = null)
{
    /// <summary>A dimension about which nothing is known.</summary>
    public static Dimension Unknown => default;

    /// <summary>A dimension of known size.</summary>
    public static implicit operator Dimension(long size) => new(size);

    /// <summary>A dimension known by name only.</summary>
    public static implicit operator Dimension(string symbol) => new(null, symbol);

    /// <summary>The size, the name, or "?".</summary>
    public override string ToString() => Size?.ToString(CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}
