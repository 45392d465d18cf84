using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>One run of the table of methods: which model, how, and which calibration images.</summary>
/// <param name="Model">Name of the <see cref="Subject"/>.</param>
/// <param name="Profile">What is narrowed.</param>
/// <param name="Bits">Width of every layer, or the average.</param>
/// <param name="Method">Name of the <see cref="Recipe"/>.</param>
/// <param name="Effort">Counts for methods that go by it; fast for the others.</param>
/// <param name="Seed">Draws the images.</param>
sealed record MethodRow(string Model, QuantizationProfile Profile, int Bits, string Method, QuantizationEffort Effort, int Seed)
{
    /// <summary>Every run of the tables, what is quick and published first.</summary>
    public static IEnumerable<MethodRow> All =>
        from subject in Subject.All
        from setting in Settings
        from recipe in Recipe.All.Reverse()
        from effort in recipe.Samples is null ? Enum.GetValues<QuantizationEffort>() : [QuantizationEffort.Fast]
        // 'best' takes most of the time of the whole table.
        from seed in Enumerable.Range(0, effort == QuantizationEffort.Best ? 1 : 3)
        select new MethodRow(subject.Name, setting.Profile, setting.Bits, recipe.Name, effort, seed);

    /// <summary>Profiles and widths, a table each.</summary>
    public static IReadOnlyList<(QuantizationProfile Profile, int Bits)> Settings { get; } =
    [
        (QuantizationProfile.Paper, 6), (QuantizationProfile.Paper, 4), (QuantizationProfile.Paper, 3),
        (QuantizationProfile.Cpu, 8), (QuantizationProfile.Cpu, 6), (QuantizationProfile.Cpu, 4), (QuantizationProfile.Cpu, 3),
    ];

    /// <summary>Name of the run, such as DeiT-Tiny/paper/4/lampq+/balanced/0.</summary>
    public string Key => string.Create(CultureInfo.InvariantCulture, $"{Model}/{Profile.ToString().ToLowerInvariant()}/{Bits}/{Line}/{Seed}");

    /// <summary>Method, and effort where the method goes by it.</summary>
    public string Line => Recipe.Of(Method).Samples is null ? $"{Method}/{Effort.ToString().ToLowerInvariant()}" : Method;

    /// <summary>Whether the name has the words of a pattern at their places, an empty one or * standing for any: paper 4-bit rows are */paper/4.</summary>
    public bool Matches(string pattern)
    {
        string[] words = pattern.Split('/'), own = Key.Split('/');
        return words.Length <= own.Length && words.Zip(own).All(p => p.First is "" or "*" || p.First == p.Second);
    }

    /// <summary>What is quantized.</summary>
    public QuantizationOptions Options => Recipe.Of(Method).Options(Bits, Profile) with { Effort = Effort, Seed = Seed };

    /// <summary>Calibration images: as the paper has, or as the effort says.</summary>
    public int Images => Recipe.Of(Method).Samples ?? QuantizationOptions.ImagesFor(Effort);
}
