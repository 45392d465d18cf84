using LampQ.Cli;

namespace LampQ.ModelBuilder;

/// <summary>What <c>lampq mlnet</c> wrote and what it costs. Shares are 0 to 1; what cannot be said is null.</summary>
sealed record MLNetReport : Report
{
    public required string Project { get; init; }
    public required string Model { get; init; }
    public required IReadOnlyList<string> Files { get; init; }
    public required int Classes { get; init; }
    public required int Images { get; init; }
    public required double AverageBits { get; init; }
    public required Pair<long> Bytes { get; init; }
    public required Pair<double> Milliseconds { get; init; }
    public required double Agreement { get; init; }
    public required double? Fp32Top1 { get; init; }
    public required double? Top1 { get; init; }

    /// <summary>The pipeline's own report, for people.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Text { get; init; } = "";

    protected override void WriteText(TextWriter output)
    {
        output.WriteLine(Text);
        foreach (string file in Files)
            output.WriteLine($"wrote        {file}");
    }

    /// <summary>Of the float model and the quantized one.</summary>
    public sealed record Pair<T>(T Fp32, T Quantized);
}
