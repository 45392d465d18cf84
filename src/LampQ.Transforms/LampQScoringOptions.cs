namespace LampQ.Transforms;

/// <summary>Which columns a model reads and writes, and how it is run.</summary>
public record LampQScoringOptions
{
    /// <summary>Columns for the model's inputs, in the model's order. Default: the names the model gives them.</summary>
    public IReadOnlyList<string> InputColumnNames { get; init; } = [];

    /// <summary>Columns for the model's outputs, in the model's order; outputs beyond the list are not computed. Default: all of them, under the model's names.</summary>
    public IReadOnlyList<string> OutputColumnNames { get; init; } = [];

    /// <summary>
    /// Rows run at once, 1 to 4096. Default 8: most of the gain of larger batches, and a ViT's 8 images of 224×224 take 5 MB.
    /// Ignored where the model fixes its batch.
    /// </summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Threads that share one run; 0 takes one per core (the default).</summary>
    public int Threads { get; init; }

    /// <summary>How <c>mlContext.Model.Save</c> writes the step. Default <see cref="SaveFormat.Mapping"/>.</summary>
    public SaveFormat SaveAs { get; init; } = SaveFormat.Mapping;

    internal virtual void Validate()
    {
        if (BatchSize is < 1 or > 4096)
            throw new ArgumentException($"BatchSize is {BatchSize}; expected 1 to 4096.");
        if (Threads < 0)
            throw new ArgumentException($"Threads is {Threads}; expected 0 (one per core) or more.");
        foreach (var (names, what) in new[] { (InputColumnNames, nameof(InputColumnNames)), (OutputColumnNames, nameof(OutputColumnNames)) })
            if (names.Any(string.IsNullOrWhiteSpace) || names.Distinct().Count() != names.Count)
                throw new ArgumentException($"{what} are [{string.Join(", ", names)}]; expected different names, none empty.");
    }
}
