using System.CommandLine;
using System.CommandLine.Invocation;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary>The command line <c>lampq</c>: parses, runs a command, and turns whatever goes wrong into one message and an exit code.</summary>
public static class CommandLine
{
    /// <summary>Runs one command.</summary>
    /// <param name="args">What follows the program's name.</param>
    /// <param name="output">Gets data only: a report, or help when asked for.</param>
    /// <param name="error">Gets everything else.</param>
    /// <param name="cancellation">Cancels the command, which then returns 130.</param>
    /// <returns>0 ok; 1 internal error; 2 wrong options or unusable data; 3 missing, bad or unsupported model; 4 infeasible budget; 130 cancelled.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter error, CancellationToken cancellation = default) =>
        Run(Root, args, output, error, cancellation);

    /// <inheritdoc cref="Run(string[], TextWriter, TextWriter, CancellationToken)"/>
    /// <param name="root">Makes the commands.</param>
    internal static int Run(Func<Terminal, RootCommand> root, string[] args, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        try
        {
            // Parsed there, help included.
            if (root == Root && args is [MLNetProgram.Command, .. var forwarded])
                return MLNetProgram.Run(forwarded, output, error);
            var parsed = root(new Terminal(output, error, cancellation)).Parse(args);
            return parsed.Action is ParseErrorAction
                ? RefuseOptions(parsed, error)
                : parsed.Invoke(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        // Whatever fails while the work is being stopped fails because of that (an AggregateException of a parallel loop, for example).
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            error.WriteLine("Cancelled; no file was written.");
            return ExitCodes.Cancelled;
        }
        catch (CommandError e)
        {
            error.WriteLine($"error: {e.Message}");
            WriteStackTrace(e, error);
            return e.ExitCode;
        }
        catch (KernelChoiceException e)
        {
            error.WriteLine($"error: {e.Message}");
            return ExitCodes.Usage;
        }
        catch (Exception e)
        {
            error.WriteLine($"internal error: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")} This is a defect of LampQ; set LAMPQ_DEBUG=1 for the stack trace and report it.");
            WriteStackTrace(e, error);
            return ExitCodes.Internal;
        }
    }

    static RootCommand Root(Terminal terminal) => new("Quantizes Vision Transformers: a float ONNX model in, a mixed-precision QDQ ONNX model out.")
    {
        InspectCommand.Create(terminal),
        QuantizeCommand.Create(terminal),
        MethodsCommand.Create(terminal),
        EvalCommand.Create(terminal),
        BenchmarkCommand.Create(terminal),
        DoctorCommand.Create(terminal),
        MLNetProgram.Create(),
    };

    static int RefuseOptions(ParseResult parsed, TextWriter error)
    {
        foreach (string message in parsed.Errors.Select(e => e.Message).Distinct())
            error.WriteLine($"error: {message}");
        string command = parsed.CommandResult.Command is RootCommand ? "lampq" : $"lampq {parsed.CommandResult.Command.Name}";
        error.WriteLine($"See '{command} --help'.");
        return ExitCodes.Usage;
    }

    static void WriteStackTrace(Exception e, TextWriter error)
    {
        if (Environment.GetEnvironmentVariable("LAMPQ_DEBUG") == "1")
            error.WriteLine(e);
    }
}
