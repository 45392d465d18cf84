namespace LampQ.Cli;

/// <summary>A table in plain text: columns as wide as their widest cell, two spaces apart.</summary>
/// <param name="columns">Headings; one that starts with '>' has its column set flush right.</param>
sealed class TextTable(params IReadOnlyList<string> columns)
{
    readonly List<IReadOnlyList<string>> rows = [[.. columns.Select(c => c.TrimStart('>'))]];

    /// <summary>Adds a row, one cell a column.</summary>
    public void Add(params IReadOnlyList<string> cells) => rows.Add(cells);

    /// <summary>Writes headings and rows, indented by two spaces.</summary>
    public void Write(TextWriter output)
    {
        int[] widths = [.. Enumerable.Range(0, columns.Count).Select(c => rows.Max(r => r[c].Length))];
        foreach (var row in rows)
        {
            var cells = row.Select((cell, c) => columns[c].StartsWith('>') ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]));
            output.WriteLine($"  {string.Join("  ", cells)}".TrimEnd());
        }
    }
}
