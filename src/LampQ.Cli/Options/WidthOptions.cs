using System.CommandLine;
using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>The options <c>--target-bits</c> and <c>--uniform-bits</c>: the average of methods that mix widths, the one width of those that do not.</summary>
sealed class WidthOptions
{
    static readonly QuantizationOptions defaults = new();

    /// <summary>The budget of methods that mix widths.</summary>
    public Option<double> Target { get; } = OptionParsing.WithDefault("--target-bits", "B", "The budget: bits a weight on average.", defaults.TargetBits, ParseTarget);

    /// <summary>The width of every layer with the other methods.</summary>
    public Option<int> Uniform { get; } = OptionParsing.WithDefault("--uniform-bits", "2..8", "Width of every layer with a method that does not mix widths; default: --target-bits.", defaults.UniformBits, OptionParsing.Whole(2, 8));

    /// <summary>What <see cref="Recipe.Options"/> is asked for.</summary>
    /// <param name="parsed">What the user wrote.</param>
    /// <param name="recipe">The method, for messages.</param>
    /// <param name="isMixed">Whether layers get different widths.</param>
    /// <exception cref="CommandError">Every layer gets the same width, and --target-bits, which says it, is no whole number from 2 to 8.</exception>
    public double BitsIn(ParseResult parsed, Recipe recipe, bool isMixed)
    {
        double target = parsed.GetValue(Target);
        if (isMixed)
            // What is too small to be an option at all is refused as a budget, after model and data.
            return Math.Max(1, target);
        if (parsed.IsGiven(Uniform) || !parsed.IsGiven(Target))
            return parsed.GetValue(Uniform);
        return target is >= 2 and <= 8 && target == Math.Floor(target) ? target
            : throw CommandError.Usage(string.Create(CultureInfo.InvariantCulture,
                $"--method {recipe.Name} gives every layer the same width, and --target-bits is {target}; expected a whole number from 2 to 8, or a method that mixes widths ({string.Join(", ", Recipe.All.Where(r => r.IsMixed).Select(r => r.Name))})."));
    }

    /// <summary>Which of the two has no effect, where one was given in vain; else null.</summary>
    /// <param name="parsed">What the user wrote.</param>
    /// <param name="recipe">The method, for messages.</param>
    /// <param name="isMixed">Whether layers get different widths.</param>
    public string? NoteIn(ParseResult parsed, Recipe recipe, bool isMixed) =>
        !parsed.IsGiven(Uniform) ? null
        : isMixed ? $"--uniform-bits has no effect: --method {recipe.Name} gives layers different widths, --target-bits on average."
        : parsed.IsGiven(Target) ? $"--method {recipe.Name} takes its width from --uniform-bits; --target-bits has no effect."
        : null;

    static double ParseTarget(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is >= 0 and <= 8
            ? value
            : throw new FormatException($"is '{text}'; expected 0 to 8 bits, such as 4 or 3.5");
}
