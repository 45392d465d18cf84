using System.CommandLine;
using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>The options that say what happens to a picture before the model sees it.</summary>
sealed class PreprocessingOptions
{
    readonly Option<string> file = OptionParsing.Optional("--preprocessor", "FILE", "A Hugging Face preprocessor_config.json. Default: the one beside the model, else beside the data.", text => text)!;
    readonly Option<ResizeRule?> resize = OptionParsing.Optional<ResizeRule?>("--resize", "N|HxW", "Resizes the shorter side to N pixels, or to height x width. Default: no resize.", ParseResize);
    readonly Option<ImageSize?> crop = OptionParsing.Optional<ImageSize?>("--crop", "N|HxW", "Crops the centre. Default: the size of the model's input.", text => ParseSize(text));
    readonly Option<IReadOnlyList<double>?> mean = OptionParsing.Optional<IReadOnlyList<double>?>("--mean", "R,G,B", "Subtracted from pixels in 0..1. Default: ImageNet's, 0.485,0.456,0.406.", OptionParsing.Channels);
    readonly Option<IReadOnlyList<double>?> std = OptionParsing.Optional<IReadOnlyList<double>?>("--std", "R,G,B", "Divides them then. Default: ImageNet's, 0.229,0.224,0.225.", Deviations);
    readonly Option<string> resample = OptionParsing.Optional("--resample", "FILTER", "nearest, bilinear, bicubic or lanczos. Default: bicubic.", ParseFilter)!;

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { file, resize, crop, mean, std, resample })
            command.Options.Add(option);
    }

    /// <summary>What the user asked for.</summary>
    /// <exception cref="CommandError">The file of --preprocessor does not exist.</exception>
    public PreprocessingChoice Read(ParseResult parsed)
    {
        string? path = parsed.GetValue(file);
        if (path is not null && !File.Exists(path))
            throw CommandError.Usage($"--preprocessor is '{path}', which does not exist; expected a {PreprocessorConfig.FileName}.");
        return new PreprocessingChoice
        {
            File = path,
            Resize = parsed.GetValue(resize),
            Crop = parsed.GetValue(crop),
            Mean = parsed.GetValue(mean),
            Std = parsed.GetValue(std),
            Filter = parsed.GetValue(resample) is { } word ? Enum.Parse<ResampleFilter>(word, ignoreCase: true) : null,
        };
    }

    static ResizeRule ParseResize(string text)
    {
        var size = ParseSize(text);
        return text.Contains('x', StringComparison.OrdinalIgnoreCase) ? ResizeRule.Exact(size.Height, size.Width) : ResizeRule.ShortestEdge(size.Height);
    }

    static ImageSize ParseSize(string text)
    {
        string[] sides = text.Split(['x', 'X']);
        if (sides.Length > 2 || !TrySide(sides[0], out int height) || !TrySide(sides[^1], out int width))
            throw new FormatException($"is '{text}'; expected pixels such as 224, or height x width such as 224x256, each 1 to 16384");
        return new ImageSize(height, width);
    }

    static bool TrySide(string text, out int side) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out side) && side is >= 1 and <= 16_384;

    static IReadOnlyList<double> Deviations(string text)
    {
        var values = OptionParsing.Channels(text);
        return values.All(v => (float)v > 0) ? values : throw new FormatException($"is '{text}'; expected three numbers above 0");
    }

    static string ParseFilter(string text) =>
        Enum.GetNames<ResampleFilter>().Any(n => n.Equals(text, StringComparison.OrdinalIgnoreCase)) ? text
            : throw new FormatException($"is '{text}'; expected {string.Join(", ", Enum.GetNames<ResampleFilter>().Select(n => n.ToLowerInvariant()))}");
}
