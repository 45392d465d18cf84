using System.CommandLine;
using System.Diagnostics;

namespace LampQ.Cli;

/// <summary><c>lampq mlnet …</c>: handed on to the program <c>lampq-mlnet</c> beside this one, so that this one carries no ML.NET.</summary>
static class MLNetProgram
{
    public const string Command = "mlnet";

    /// <summary>The command as the list of commands shows it.</summary>
    public static Command Create() => new(Command, "Quantizes a ViT for a Model Builder project (.mbconfig), and writes its model and code.");

    /// <summary>Runs the other program and gives its exit code. A Ctrl-C reaches it from the terminal as well.</summary>
    /// <exception cref="CommandError">It is not there.</exception>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        string library = Path.Combine(AppContext.BaseDirectory, "lampq-mlnet.dll");
        if (!File.Exists(library))
            throw CommandError.Usage($"'lampq mlnet' needs the program lampq-mlnet beside lampq, in '{AppContext.BaseDirectory}'; it is not there. './build.sh' builds both.");
        // By the host that runs this program: the other one's own starter may lack the right to be executed after a copy.
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(library);
        foreach (string argument in args)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Pass(line, output);
        process.ErrorDataReceived += (_, line) => Pass(line, error);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        return process.ExitCode;
    }

    static void Pass(DataReceivedEventArgs line, TextWriter writer)
    {
        if (line.Data is { } text)
            writer.WriteLine(text);
    }
}
