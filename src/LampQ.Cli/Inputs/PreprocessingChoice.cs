using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>Decides what happens to pictures: a configuration file is the base, options replace single steps of it.</summary>
sealed record PreprocessingChoice
{
    /// <summary>The file of --preprocessor.</summary>
    public string? File { get; init; }

    /// <summary>--resize.</summary>
    public ResizeRule? Resize { get; init; }

    /// <summary>--crop.</summary>
    public ImageSize? Crop { get; init; }

    /// <summary>--mean.</summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>--std.</summary>
    public IReadOnlyList<double>? Std { get; init; }

    /// <summary>--resample.</summary>
    public ResampleFilter? Filter { get; init; }

    /// <summary>The steps, and where they come from in words.</summary>
    /// <param name="modelPath">The model; a configuration beside it comes first.</param>
    /// <param name="dataPath">The data; a configuration beside them comes second.</param>
    /// <param name="inputSize">Height and width of the model's input, as far as they are fixed: the crop where nothing else says one.</param>
    /// <exception cref="CommandError">The configuration cannot be used.</exception>
    public (Preprocessing Steps, string Source) Decide(string modelPath, string dataPath, ImageSize? inputSize)
    {
        string? config = File ?? Beside(modelPath) ?? Beside(dataPath);
        var steps = config is null ? new Preprocessing { Crop = inputSize } : CommandError.BlameData(config, () => PreprocessorConfig.Read(config));
        bool replaces = Resize is not null || Crop is not null || Mean is not null || Std is not null || Filter is not null;
        string source = (config, replaces) switch
        {
            (not null, false) => $"from '{config}'",
            (not null, true) => $"from '{config}' and options",
            (null, true) => "from options; the rest is the default",
            _ => $"the default: no {PreprocessorConfig.FileName} beside model or data, no --resize, --crop, --mean or --std",
        };
        return (steps with
        {
            Resize = Resize ?? steps.Resize,
            Crop = Crop ?? steps.Crop,
            Mean = Mean ?? steps.Mean,
            Std = Std ?? steps.Std,
            Filter = Filter ?? steps.Filter,
        }, source);
    }

    /// <summary>The steps in words: "resize shorter side to 248 (bicubic), centre crop 224×224, mean …, std …".</summary>
    public static string Describe(Preprocessing steps)
    {
        string filter = steps.Filter.ToString().ToLowerInvariant();
        string resize = steps.Resize switch
        {
            null => "no resize",
            { FixedSize: { } size } => $"resize to {size} ({filter})",
            // What a square of one pixel becomes is the length of the shorter side.
            var rule => string.Create(CultureInfo.InvariantCulture, $"resize shorter side to {rule.SizeFor(1, 1).Width} ({filter})"),
        };
        string crop = steps.Crop is { } c ? $"centre crop {c}" : "no crop";
        return $"{resize}, {crop}, mean {Channels(steps.Mean, Preprocessing.ImageNetMean)}, std {Channels(steps.Std, Preprocessing.ImageNetStd)}";
    }

    static string Channels(IReadOnlyList<double> values, IReadOnlyList<double> imageNet) =>
        (values.SequenceEqual(imageNet) ? "of ImageNet " : "") + string.Join(",", values.Select(v => v.ToString("0.####", CultureInfo.InvariantCulture)));

    static string? Beside(string path)
    {
        string? folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path));
        string candidate = Path.Combine(folder ?? ".", PreprocessorConfig.FileName);
        return System.IO.File.Exists(candidate) ? candidate : null;
    }
}
