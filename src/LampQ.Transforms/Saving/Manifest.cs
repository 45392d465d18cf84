namespace LampQ.Transforms;

/// <summary>What a model file says about its LampQ steps.</summary>
sealed record Manifest
{
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    public IReadOnlyList<ManifestStep> Steps { get; init; } = [];
}

/// <summary>One LampQ step.</summary>
sealed record ManifestStep
{
    /// <summary>Where it is: its index in the chain, in the chain within that, and so on; empty for a model that is the step alone.</summary>
    public required int[] Place { get; init; }

    /// <summary>The form it was saved in.</summary>
    public required string Format { get; init; }

    public required IReadOnlyList<string> Inputs { get; init; }

    public required IReadOnlyList<string> Outputs { get; init; }

    public required int BatchSize { get; init; }

    public required int Threads { get; init; }

    public LampQReport? Report { get; init; }

    public static ManifestStep Of(LampQTransformer step, int[] place) => new()
    {
        Place = place,
        Format = step.SaveAs.Name,
        Inputs = step.Names.Inputs,
        Outputs = step.Names.Outputs,
        BatchSize = step.BatchSize,
        Threads = step.Threads,
        Report = step.Report,
    };
}
