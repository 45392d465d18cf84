using System.Globalization;

namespace LampQ.Cli;

/// <summary>The widths a layer may get, as the command line writes them: 2-8, or 2,4,8, or 2-4,8.</summary>
/// <param name="Bits">Different widths between 2 and 8, ascending.</param>
sealed record BitWidths(IReadOnlyList<int> Bits)
{
    /// <summary>Reads ranges and single widths separated by commas.</summary>
    /// <exception cref="FormatException">It is something else, or a width is named twice.</exception>
    public static BitWidths Parse(string text)
    {
        var bits = new List<int>();
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !TryWidth(ends[0], out int low) || !TryWidth(ends[^1], out int high) || low > high)
                throw Wrong(text);
            bits.AddRange(Enumerable.Range(low, high - low + 1));
        }
        return bits.Distinct().Count() == bits.Count ? new BitWidths([.. bits.Order()]) : throw Wrong(text);
    }

    /// <summary>Reads one width.</summary>
    public static bool TryWidth(string text, out int bits) =>
        int.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out bits) && bits is >= 2 and <= 8;

    /// <summary>"2-8" for a range, else "2,4,8".</summary>
    public override string ToString() => Bits.Count > 1 && Bits[^1] - Bits[0] == Bits.Count - 1 ? $"{Bits[0]}-{Bits[^1]}" : string.Join(",", Bits);

    static FormatException Wrong(string text) => new($"is '{text}'; expected different widths between 2 and 8, such as 2-8 or 2,4,8");
}
