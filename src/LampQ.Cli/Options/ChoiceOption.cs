using System.CommandLine;

namespace LampQ.Cli;

/// <summary>An option whose value is one of a few words, each of which stands for something.</summary>
sealed class ChoiceOption<T> : Option<string>
{
    readonly IReadOnlyList<(string Word, T Value)> choices;

    /// <param name="name">Its name, with the dashes.</param>
    /// <param name="description">What it does.</param>
    /// <param name="fallback">The word that holds when it is not given.</param>
    /// <param name="choices">Words and what they stand for.</param>
    public ChoiceOption(string name, string description, string fallback, IReadOnlyList<(string Word, T Value)> choices) : base(name)
    {
        this.choices = choices;
        string words = string.Join("|", choices.Select(c => c.Word));
        Description = description;
        HelpName = words;
        Arity = ArgumentArity.ExactlyOne;
        DefaultValueFactory = _ => fallback;
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (choices.All(c => c.Word != text))
                result.AddError($"{name} is '{text}'; expected {words}.");
            return text;
        };
    }

    /// <summary>What the chosen word stands for.</summary>
    public T ValueIn(ParseResult parsed)
    {
        string word = parsed.GetRequiredValue(this);
        return choices.First(c => c.Word == word).Value;
    }
}
