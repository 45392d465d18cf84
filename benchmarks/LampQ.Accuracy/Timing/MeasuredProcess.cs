using System.ComponentModel;
using System.Diagnostics;

namespace LampQ.Accuracy;

/// <summary>One program run to its end.</summary>
/// <param name="Output">What it wrote to stdout.</param>
/// <param name="Seconds">From start to exit.</param>
/// <param name="PeakBytes">Its largest resident set (the kernel's high-water mark, read every 50 ms).</param>
sealed record MeasuredProcess(string Output, double Seconds, long PeakBytes)
{
    /// <summary>Runs a program; its stderr is not kept.</summary>
    /// <exception cref="InvalidOperationException">It cannot be started, or ends with another code than 0.</exception>
    public static MeasuredProcess Run(string program, IReadOnlyList<string> arguments, string? folder = null)
    {
        string line = $"{program} {string.Join(' ', arguments)}";
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder ?? "" },
        };
        var watch = Stopwatch.StartNew();
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"'{line}' cannot be started: {e.Message}", e);
        }
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        long peak = 0;
        while (!process.WaitForExit(50))
            peak = Math.Max(peak, PeakOf(process));
        double seconds = watch.Elapsed.TotalSeconds;
        return process.ExitCode == 0 ? new MeasuredProcess(output.Result, seconds, peak)
            : throw new InvalidOperationException($"'{line}' ended with {process.ExitCode}: {error.Result[Math.Max(0, error.Result.Length - 2000)..]}");
    }

    static long PeakOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.PeakWorkingSet64;
        }
        // It ended in between.
        catch (InvalidOperationException)
        {
            return 0;
        }
    }
}
