namespace LampQ.Cli;

/// <summary>Where a command writes, and what stops it.</summary>
/// <param name="Output">Data only: the report.</param>
/// <param name="Error">Everything else: progress, notes, errors.</param>
/// <param name="Cancellation">Cancelled by Ctrl-C.</param>
sealed record Terminal(TextWriter Output, TextWriter Error, CancellationToken Cancellation) : IProgress<string>
{
    /// <summary>Tells what goes on. (<see cref="Progress{T}"/> would do so later, from another thread.)</summary>
    public void Report(string value) => Error.WriteLine(value);

    /// <summary>Tells something that the user should know.</summary>
    public void Note(string text) => Error.WriteLine($"note: {text}");
}
