using System.Globalization;

namespace LampQ.Cli;

/// <summary>Sizes in bytes as people write them: 3000000, 3MB (10⁶ bytes each), 3MiB (2²⁰ bytes each), 1.5GB.</summary>
static class SizeText
{
    static readonly (string Unit, long Bytes)[] units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
        ("B", 1),
    ];

    /// <summary>Bytes of a size, a fraction of a byte dropped; upper and lower case are the same.</summary>
    /// <exception cref="FormatException">It is no number with a known unit, or negative.</exception>
    public static long Parse(string text)
    {
        string number = text.Trim();
        long factor = 1;
        foreach (var (unit, bytes) in units)
            if (number.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                (number, factor) = (number[..^unit.Length].TrimEnd(), bytes);
                break;
            }
        const NumberStyles style = NumberStyles.AllowDecimalPoint;
        if (!decimal.TryParse(number, style, CultureInfo.InvariantCulture, out decimal value) || value > long.MaxValue / factor)
            throw new FormatException($"is '{text}'; expected a size such as 3000000 (bytes), 3MB (3,000,000 bytes) or 3MiB (3,145,728 bytes)");
        return (long)(value * factor);
    }

    /// <summary>For people: "5.72 MB (5,717,461 bytes)".</summary>
    public static string Of(long bytes) => bytes < 100_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F2} MB ({bytes:N0} bytes)");
}
