using LampQ.Onnx;
using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>What one layer got.</summary>
/// <param name="Name">Name of the layer.</param>
/// <param name="Type">What it does.</param>
/// <param name="Group">Name of the group it shares its width with.</param>
/// <param name="Bits">Bits a weight.</param>
/// <param name="Parameters">Weights.</param>
/// <param name="Sensitivity">The metric's number for the layer's group; null for a layer that took no part in the allocation.</param>
public sealed record LayerResult(string Name, LayerType Type, string Group, int Bits, long Parameters, double? Sensitivity);

/// <summary>Seconds each stage took.</summary>
public sealed record StageSeconds(double Calibrate, double Sensitivity, double Solve, double Refine, double Compensate, double Reconstruct, double Write, double Total);

/// <summary>A quantized model and how it came about.</summary>
public sealed record QuantizationResult
{
    /// <summary>The quantized model in the form of <see cref="QuantizationOptions.Export"/>.</summary>
    public required Model Model { get; init; }

    /// <summary>The same integers as standard QDQ, which plain ONNX Runtime runs: the model itself where that is what was asked for.</summary>
    public required Model Portable { get; init; }

    /// <summary>Every quantized layer, along the data.</summary>
    public required IReadOnlyList<LayerResult> Layers { get; init; }

    /// <summary>Parameter-weighted mean width of the layers that took part in the allocation.</summary>
    public required double AverageBits { get; init; }

    /// <summary>The sensitivity that was measured; null where the widths were given.</summary>
    public SensitivityProfile? Sensitivity { get; init; }

    /// <summary>The solver's allocation and proof; null where the widths were given.</summary>
    public AllocationAnswer? Answer { get; init; }

    /// <summary>Allocations for other budgets, where the rule looks for them (<see cref="AllocationRule.Pareto"/>).</summary>
    public IReadOnlyList<BitAllocation> Front { get; init; } = [];

    /// <summary>Milliseconds of one run as predicted from measured kernels; null without <see cref="QuantizationOptions.MaxLatencyInMilliseconds"/>.</summary>
    public double? PredictedMilliseconds { get; init; }

    /// <summary>The pairs refinement tried.</summary>
    public IReadOnlyList<RefinementStep> Refinement { get; init; } = [];

    /// <summary>What was not recognised in the model.</summary>
    public required IReadOnlyList<Unrecognized> Unrecognized { get; init; }

    /// <summary>Seconds each stage took.</summary>
    public required StageSeconds Seconds { get; init; }

    /// <summary>Bytes of the model as a file.</summary>
    public required long SizeInBytes { get; init; }

    /// <summary>What a user should know: clipped budgets, widths that share a container, layers left in float.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
