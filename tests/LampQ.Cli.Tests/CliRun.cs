using System.Text;
using System.Text.Json;

namespace LampQ.Cli.Tests;

/// <summary>What one command line did, in this process.</summary>
sealed record CliRun(int ExitCode, string Output, string Error)
{
    internal static CliRun Of(params string[] args) => Of(default, new StringWriter(), args);

    internal static CliRun Of(CancellationToken cancellation, StringWriter error, params string[] args)
    {
        var output = new StringWriter();
        int code = CommandLine.Run(args, output, error, cancellation);
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <summary>All of stdout, which must be one JSON object.</summary>
    internal JsonElement Json => JsonDocument.Parse(Output).RootElement;

    /// <summary>Fails unless the command ended with this code, nothing on stdout, the words on stderr, and no stack trace.</summary>
    internal void AssertRefused(int exitCode, params string[] words)
    {
        Assert.AreEqual(exitCode, ExitCode, Error);
        Assert.AreEqual("", Output);
        foreach (string word in words)
            StringAssert.Contains(Error, word);
        Assert.IsFalse(Error.Contains("   at ", StringComparison.Ordinal), Error);
    }

    internal void AssertDone() => Assert.AreEqual(0, ExitCode, Error);
}

/// <summary>A stderr that calls somebody when a text appears on it.</summary>
sealed class WatchedError(string text, Action seen) : StringWriter
{
    public override Encoding Encoding => Encoding.UTF8;

    public override void WriteLine(string? value)
    {
        base.WriteLine(value);
        if (value?.Contains(text, StringComparison.Ordinal) == true)
            seen();
    }
}
