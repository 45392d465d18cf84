using System.Globalization;
using System.Security;
using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>Mean KL (logarithmic) against bytes as SVG: a panel for each model and profile, a line for each method.</summary>
static class MethodPlot
{
    const int PanelWidth = 400, PanelHeight = 300, Left = 62, Top = 34, Bottom = 44, Right = 14, Legend = 150;

    // Told apart by hue and, the second time round, by dashes and hollow points.
    static readonly string[] colours = ["#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17becf"];

    public static string Write(IReadOnlyList<FinishedRow> done)
    {
        var points = done.Select(r => (Row: r, Words: r.Key.Split('/')))
            .GroupBy(p => (Model: p.Words[0], Profile: p.Words[1], Bits: p.Words[2], Line: string.Join(' ', p.Words[3..^1])))
            .Select(g => new Point(g.Key.Model, g.Key.Profile, g.Key.Line, g.Average(p => p.Row.Bytes) / 1e6, Math.Exp(g.Average(p => Math.Log(p.Row.Kl))))).ToArray();
        string[] lines = [.. MethodRow.All.Select(r => r.Line.Replace('/', ' ')).Distinct().Reverse().Where(l => points.Any(p => p.Line == l))];
        var panels = Subject.All.SelectMany((s, column) => new[] { "paper", "cpu" }.Select((profile, row) => (s.Name, Profile: profile, Column: column, Row: row))).ToArray();
        var svg = new StringWriter(CultureInfo.InvariantCulture);
        svg.WriteLine(FormattableString.Invariant($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Subject.All.Count * PanelWidth + Legend} {2 * PanelHeight}" font-family="sans-serif" font-size="11">"""));
        svg.WriteLine("""<rect width="100%" height="100%" fill="white"/>""");
        foreach (var (name, profile, column, row) in panels.Where(a => points.Any(p => p.Model == a.Name && p.Profile == a.Profile)))
            Panel(svg, $"{name}, {profile} profile", [.. points.Where(p => p.Model == name && p.Profile == profile)], lines, column * PanelWidth, row * PanelHeight);
        for (int i = 0; i < lines.Length; i++)
        {
            double y = Top + 16 * i, x = Subject.All.Count * PanelWidth + 8;
            svg.WriteLine(FormattableString.Invariant($"""<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" {Stroke(i)}/>{Dot(i, x + 11, y)}<text x="{x + 28}" y="{y + 4}">{SecurityElement.Escape(lines[i])}</text>"""));
        }
        svg.WriteLine("</svg>");
        return svg.ToString().ReplaceLineEndings("\n");
    }

    static void Panel(TextWriter svg, string title, Point[] points, string[] lines, int x0, int y0)
    {
        svg.WriteLine(FormattableString.Invariant($"""<g transform="translate({x0} {y0})"><text x="{Left}" y="{Top - 12}" font-weight="bold">{title}</text>"""));
        double low = Math.Floor(points.Min(p => p.Bytes)), high = Math.Ceiling(points.Max(p => p.Bytes));
        double small = Math.Floor(Math.Log10(points.Min(p => p.Kl))), large = Math.Ceiling(Math.Log10(points.Max(p => p.Kl)));
        large = Math.Max(large, small + 1);
        double X(double megabytes) => Left + (megabytes - low) / Math.Max(1, high - low) * (PanelWidth - Left - Right);
        double Y(double kl) => Top + (large - Math.Log10(kl)) / (large - small) * (PanelHeight - Top - Bottom);
        for (double power = small; power <= large; power++)
            svg.WriteLine(FormattableString.Invariant($"""<line x1="{Left}" y1="{Y(Math.Pow(10, power)):F1}" x2="{PanelWidth - Right}" y2="{Y(Math.Pow(10, power)):F1}" stroke="#ddd"/><text x="{Left - 6}" y="{Y(Math.Pow(10, power)) + 4:F1}" text-anchor="end">{Math.Pow(10, power):G3}</text>"""));
        for (double megabytes = low; megabytes <= high; megabytes++)
            svg.WriteLine(FormattableString.Invariant($"""<line x1="{X(megabytes):F1}" y1="{Top}" x2="{X(megabytes):F1}" y2="{PanelHeight - Bottom}" stroke="#eee"/><text x="{X(megabytes):F1}" y="{PanelHeight - Bottom + 15}" text-anchor="middle">{megabytes:F0}</text>"""));
        for (int i = 0; i < lines.Length; i++)
        {
            var own = points.Where(p => p.Line == lines[i]).OrderBy(p => p.Bytes).ToArray();
            svg.WriteLine($"""<polyline fill="none" {Stroke(i)} points="{string.Join(' ', own.Select(p => FormattableString.Invariant($"{X(p.Bytes):F1},{Y(p.Kl):F1}")))}"/>""");
            foreach (var p in own)
                svg.WriteLine(Dot(i, X(p.Bytes), Y(p.Kl)));
        }
        svg.WriteLine(FormattableString.Invariant($"""<text x="{(Left + PanelWidth) / 2}" y="{PanelHeight - 10}" text-anchor="middle">bytes, millions (weights packed)</text><text transform="translate(16 {PanelHeight / 2}) rotate(-90)" text-anchor="middle">mean KL (fp32 ‖ quantized)</text></g>"""));
    }

    static string Dot(int line, double x, double y) =>
        FormattableString.Invariant($"""<circle cx="{x:F1}" cy="{y:F1}" r="3" fill="{(line < colours.Length ? colours[line] : "white")}" stroke="{colours[line % colours.Length]}" stroke-width="1.6"/>""");

    static string Stroke(int line) => $"""stroke="{colours[line % colours.Length]}" stroke-width="1.6"{(line < colours.Length ? "" : " stroke-dasharray=\"5 3\"")}""";

    sealed record Point(string Model, string Profile, string Line, double Bytes, double Kl);
}
