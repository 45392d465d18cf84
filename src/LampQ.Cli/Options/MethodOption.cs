using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>The option <c>--method</c>: a recipe by its name.</summary>
static class MethodOption
{
    public static ChoiceOption<Recipe> Create() => new("--method", "The whole recipe ('lampq methods' lists them); single parts can be replaced by other options.", Recipe.LampQPlus.Name,
        [.. Recipe.All.Select(r => (r.Name, r))]);
}
