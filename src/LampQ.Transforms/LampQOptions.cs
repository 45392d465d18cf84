using LampQ.Quantization;

namespace LampQ.Transforms;

/// <summary>What to quantize, on which column, and how the result is run.</summary>
public sealed record LampQOptions : LampQScoringOptions
{
    /// <summary>The float ONNX model: one image input [batch, ..] and class scores as first output. It is read when the estimator is made.</summary>
    public required string ModelFile { get; init; }

    /// <summary>
    /// Column with the class of a row, for the accuracy in <see cref="LampQTransformer.Report"/>: a key (1 is class 0) or a whole number (its own class).
    /// Default null: the report compares with the float model alone.
    /// </summary>
    public string? LabelColumnName { get; init; }

    /// <summary>
    /// Rows that calibrate, the first ones of the data. Default 32. Rows that are sorted by class should be shuffled before:
    /// <c>mlContext.Data.ShuffleRows</c>.
    /// </summary>
    public int CalibrationRows { get; init; } = 32;

    /// <summary>Method, budget, widths, metric: everything <c>lampq quantize</c> offers. Default: 4 bits a weight on average.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>Ends <c>Fit</c> between two runs of the model with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Told in words what is going on; the same lines reach <c>MLContext.Log</c>.</summary>
    public IProgress<string>? Progress { get; init; }

    internal override void Validate()
    {
        base.Validate();
        Quantization.Validate();
        if (CalibrationRows < 1)
            throw new ArgumentException($"CalibrationRows is {CalibrationRows}; expected 1 at least.");
        if (InputColumnNames.Count > 1)
            throw new ArgumentException($"InputColumnNames are [{string.Join(", ", InputColumnNames)}]; a model that is quantized has one input.");
    }
}
