namespace LampQ.Accuracy;

/// <summary>docs/results.md in two parts, accuracy and time, either of which can be written again while the other stays.</summary>
static class ResultsFile
{
    /// <summary>The line the second part begins with.</summary>
    public const string TimeHeading = "## Time and memory";

    /// <summary>Replaces the part before the heading; a file that does not exist yet has no second part.</summary>
    public static void ReplaceAccuracy(string path, string accuracy) => Write(path, accuracy, Split(path).Time);

    /// <summary>Replaces the part from the heading on.</summary>
    public static void ReplaceTime(string path, string time) => Write(path, Split(path).Accuracy, time);

    static void Write(string path, string accuracy, string time) => File.WriteAllText(path, $"{accuracy.Trim()}\n\n{time.Trim()}".Trim() + "\n");

    static (string Accuracy, string Time) Split(string path)
    {
        string all = File.Exists(path) ? File.ReadAllText(path) : "";
        int at = all.IndexOf($"\n{TimeHeading}", StringComparison.Ordinal);
        return at < 0 ? (all, "") : (all[..at], all[at..]);
    }
}
