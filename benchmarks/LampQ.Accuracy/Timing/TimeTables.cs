using System.Text.Json;

namespace LampQ.Accuracy;

/// <summary>What a run costs: seconds and memory of the command line, the solver's time, the demo from a clean clone.</summary>
static class TimeTables
{
    const int Few = AccuracyTables.CalibrationImages, Many = 500;

    /// <param name="data">The data folder.</param>
    /// <param name="lampq">The command line, built.</param>
    /// <param name="repository">The checkout whose last commit is cloned.</param>
    public static string Write(string data, string lampq, string repository)
    {
        var text = new StringWriter();
        text.WriteLine($"""
            {ResultsFile.TimeHeading}

            On {Processor()}, {Environment.ProcessorCount} cores. Other work on the machine while this was measured, as its load average over one minute: {Load()} at the start,
            """);
        var solver = SolverTimes.Measure();
        var table = new StringWriter();
        var (deit, vit) = (Subject.All[0], Subject.All[1]);
        double peakOfFew = Row(table, lampq, data, deit, "kl-damage", Few);
        foreach (string metric in new[] { "fisher-damage", "type-aware-fisher" })
            Row(table, lampq, data, deit, metric, Few);
        Row(table, lampq, data, vit, "kl-damage", Few);
        double peakOfMany = Row(table, lampq, data, deit, "kl-damage", Many);
        var (demo, commit) = Demo(repository);
        text.WriteLine($"""
            {Load()} at the end (this measurement itself is up to {Environment.ProcessorCount} of it).

            `lampq quantize`, 4 bits on average, profile cpu, from its start to the written file; every default but those named. Peak: largest resident set.

            | | images | seconds | load | baseline | calibrate | sensitivity | solve | refine | compensate | reconstruct | write | compare | peak, MB |
            |---|---|---|---|---|---|---|---|---|---|---|---|---|---|
            {table.ToString().TrimEnd()}

            Memory from {Few} to {Many} calibration images: {100 * (peakOfMany / peakOfFew - 1):+0.0;−0.0} %.

            The exact program alone, {SolverTimes.Problems} random problems of 48 layers × 7 widths: median {solver.Median:F2} ms, slowest {solver.Slowest:F2} ms; the first one of a process, compilation included, {solver.First:F0} ms.

            `./build.sh demo` from a clean clone of {commit}, downloads included (the system's image libraries were installed): {demo:F0} seconds.
            """);
        return text.ToString();
    }

    static double Row(TextWriter table, string lampq, string data, Subject subject, string metric, int images)
    {
        string output = Path.Combine(Path.GetTempPath(), $"lampq-{Guid.NewGuid():N}.onnx");
        try
        {
            var run = MeasuredProcess.Run(lampq, ["quantize", subject.Path(data), "-o", output, "--data", Path.Combine(data, "imagenet-calibration", "labels.tsv"), "--images", $"{images}",
                "--metric", metric, "--resize", "248", "--crop", "224", "--mean", string.Join(',', subject.Mean), "--std", string.Join(',', subject.Std), "--format", "json"]);
            using var report = JsonDocument.Parse(run.Output);
            var seconds = report.RootElement.GetProperty("seconds");
            double Of(string stage) => seconds.GetProperty(stage).GetDouble();
            string[] stages = ["load", "baseline", "calibrate", "sensitivity", "solve", "refine", "compensate", "reconstruct", "write", "compare"];
            table.WriteLine($"| {subject.Name}, {metric} | {images} | {Of("total"):F1} | {string.Join(" | ", stages.Select(s => s == "solve" ? $"{Of(s):F3}" : $"{Of(s):F1}"))} | {run.PeakBytes / 1e6:F0} |");
            Console.WriteLine($"{DateTime.Now:HH:mm:ss} {subject.Name}, {metric}, {images} images: {Of("total"):F1} s, {run.PeakBytes / 1e6:F0} MB");
            return run.PeakBytes;
        }
        finally
        {
            File.Delete(output);
        }
    }

    static (double Seconds, string Commit) Demo(string repository)
    {
        string clone = Path.Combine(Path.GetTempPath(), $"lampq-{Guid.NewGuid():N}");
        try
        {
            MeasuredProcess.Run("git", ["clone", "--quiet", repository, clone]);
            string commit = MeasuredProcess.Run("git", ["rev-parse", "--short", "HEAD"], clone).Output.Trim();
            double seconds = MeasuredProcess.Run("bash", ["build.sh", "demo"], clone).Seconds;
            Console.WriteLine($"{DateTime.Now:HH:mm:ss} demo: {seconds:F0} s");
            return (seconds, commit);
        }
        finally
        {
            if (Directory.Exists(clone))
                Directory.Delete(clone, recursive: true);
        }
    }

    static string Processor() => ValueIn("/proc/cpuinfo", line => line.StartsWith("model name", StringComparison.Ordinal) ? line[(line.IndexOf(':') + 1)..].Trim() : null) ?? "an unnamed processor";

    static string Load() => ValueIn("/proc/loadavg", line => line.Split(' ')[0]) ?? "unknown";

    static string? ValueIn(string path, Func<string, string?> find) => File.Exists(path) ? File.ReadLines(path).Select(find).FirstOrDefault(v => v is not null) : null;
}
