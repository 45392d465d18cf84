using System.CommandLine;
using System.Globalization;

namespace LampQ.Cli;

/// <summary>Makes options whose values are read by functions of ours, so that every wrong value gets an answer of one form: found, expected.</summary>
static class OptionParsing
{
    /// <summary>An option with a default.</summary>
    /// <param name="name">Its name, with the dashes.</param>
    /// <param name="placeholder">What stands for the value in the help.</param>
    /// <param name="description">What it does.</param>
    /// <param name="fallback">Its value when it is not given.</param>
    /// <param name="parse">Reads the value; throws <see cref="FormatException"/> with "is '…'; expected …".</param>
    public static Option<T> WithDefault<T>(string name, string placeholder, string description, T fallback, Func<string, T> parse)
    {
        var option = Optional(name, placeholder, description, parse);
        option.DefaultValueFactory = _ => fallback;
        return option;
    }

    /// <summary>An option that need not be given and has no default.</summary>
    public static Option<T> Optional<T>(string name, string placeholder, string description, Func<string, T> parse) => new(name)
    {
        Description = description,
        HelpName = placeholder,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            try
            {
                return parse(result.Tokens[0].Value);
            }
            catch (FormatException e)
            {
                result.AddError($"{name} {e.Message}.");
                return default;
            }
        },
    };

    /// <summary>Whether the user wrote the option.</summary>
    public static bool IsGiven(this ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>Reads a whole number.</summary>
    public static Func<string, int> Whole(int least, int most = int.MaxValue) => text =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : throw new FormatException(most == int.MaxValue ? $"is '{text}'; expected a whole number, {least} or more" : $"is '{text}'; expected a whole number from {least} to {most}");

    /// <summary>Reads three numbers for red, green and blue, separated by commas; one number stands for all three.</summary>
    public static IReadOnlyList<double> Channels(string text)
    {
        var values = new List<double>();
        foreach (string part in text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
            values.Add(double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value : throw Wrong());
        return values.Count switch
        {
            1 => [values[0], values[0], values[0]],
            3 => values,
            _ => throw Wrong(),
        };

        FormatException Wrong() => new($"is '{text}'; expected three numbers for red, green and blue such as 0.485,0.456,0.406, or one for all");
    }
}
