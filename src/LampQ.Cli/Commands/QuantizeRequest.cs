using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>What <c>lampq quantize</c> was asked to do; every option is checked.</summary>
sealed record QuantizeRequest
{
    public required string Model { get; init; }
    public required string Output { get; init; }

    /// <summary>Where the images are; null calibrates on random numbers.</summary>
    public required string? Data { get; init; }
    public required int Images { get; init; }
    public required PreprocessingChoice Preprocessing { get; init; }

    /// <summary>The budget as the user wrote it; may be below what <see cref="QuantizationOptions"/> takes, which is an infeasible budget rather than a wrong option.</summary>
    public required double TargetBits { get; init; }

    /// <summary>As <see cref="TargetBits"/>; null without a budget in bytes.</summary>
    public required long? MaxSize { get; init; }
    public required IReadOnlyList<FixedBits> BitsFor { get; init; }
    public required int Threads { get; init; }
    public required int Batch { get; init; }
    public required ReportFormat Format { get; init; }

    /// <summary>Everything the library is told, but for the batch, which the model has a say in.</summary>
    public required QuantizationOptions Options { get; init; }

    /// <summary>What the user should know about the options themselves.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}
