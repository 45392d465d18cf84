using System.CommandLine;
using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary><c>lampq methods</c>: the recipes that <c>lampq quantize --method</c> knows.</summary>
static class MethodsCommand
{
    public static Command Create(Terminal terminal)
    {
        var format = CommonOptions.Format();
        var command = new Command("methods", "Lists the methods of 'lampq quantize --method', their papers, and what each sets.") { format };
        command.SetAction(parsed =>
        {
            MethodsReport.Of(Recipe.All).Write(terminal.Output, format.ValueIn(parsed));
            return ExitCodes.Ok;
        });
        return command;
    }
}
