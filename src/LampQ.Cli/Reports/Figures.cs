using System.Globalization;

namespace LampQ.Cli;

/// <summary>Numbers as reports for people show them.</summary>
static class Figures
{
    /// <summary>A share 0..1 as "72.31 %"; "-" when it is not known.</summary>
    public static string Percent(double? share) => share is { } s ? string.Create(CultureInfo.InvariantCulture, $"{100 * s:F2} %") : "-";

    /// <summary>Four significant digits; "-" when it is not known.</summary>
    public static string Short(double? value) => value?.ToString("G4", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>With thousands separated.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A shape as "192x768".</summary>
    public static string Shape(IReadOnlyList<long> shape) => string.Join("x", shape.Select(d => d.ToString(CultureInfo.InvariantCulture)));

    /// <summary>With a fixed number of digits.</summary>
    public static string Fixed(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);
}
