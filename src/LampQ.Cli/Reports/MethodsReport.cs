using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>One method.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Paper">Where it was published.</param>
/// <param name="Year">When; null for our own.</param>
/// <param name="Mixed">Whether layers get different widths.</param>
/// <param name="Profile">cpu or paper, unless --profile says otherwise.</param>
/// <param name="Images">Calibration images by default; null goes by --effort.</param>
/// <param name="FewestImages">Fewest calibration images.</param>
/// <param name="Sets">What it sets.</param>
/// <param name="Differs">What differs from the paper; empty for our own.</param>
sealed record MethodLine(string Name, string Paper, int? Year, bool Mixed, string Profile, int? Images, int FewestImages, string Sets, string Differs)
{
    public static MethodLine Of(Recipe recipe) => new(recipe.Name, recipe.Paper, recipe.Year, recipe.IsMixed, recipe.Options().Profile.ToString().ToLowerInvariant(),
        recipe.Samples, recipe.FewestSamples, recipe.Sets, recipe.Differs);
}

/// <summary>The methods of <c>lampq quantize --method</c>.</summary>
sealed record MethodsReport : Report
{
    public required IReadOnlyList<MethodLine> Methods { get; init; }

    public static MethodsReport Of(IEnumerable<Recipe> recipes) => new() { Methods = [.. recipes.Select(MethodLine.Of)] };

    protected override void WriteText(TextWriter output)
    {
        var table = new TextTable("method", ">year", "widths", "profile", ">images", "sets", "differs from its paper");
        foreach (var method in Methods)
            table.Add(method.Name, method.Year?.ToString(CultureInfo.InvariantCulture) ?? "", method.Mixed ? "mixed" : "uniform", method.Profile,
                method.Images?.ToString(CultureInfo.InvariantCulture) ?? "by effort", method.Sets, method.Differs);
        table.Write(output);
        output.WriteLine();
        foreach (var method in Methods)
            output.WriteLine($"{method.Name,-10}{method.Paper}");
    }
}
