using System.CommandLine;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary><c>lampq doctor</c>: what this machine offers LampQ's kernels.</summary>
static class DoctorCommand
{
    public static Command Create(Terminal terminal)
    {
        var format = CommonOptions.Format();
        var command = new Command("doctor", "Tells instruction sets, kernels and why some are not offered, versions, and threads.") { format };
        command.SetAction(parsed => Run(format.ValueIn(parsed), terminal));
        return command;
    }

    static int Run(ReportFormat format, Terminal terminal)
    {
        terminal.Cancellation.ThrowIfCancellationRequested();
        var diagnosis = Diagnosis.OfThisProcess();
        DoctorReport.Of(diagnosis).Write(terminal.Output, format);
        foreach (string problem in diagnosis.Problems)
            terminal.Error.WriteLine($"error: {problem}");
        return diagnosis.Problems.Count == 0 ? ExitCodes.Ok : ExitCodes.Usage;
    }
}
