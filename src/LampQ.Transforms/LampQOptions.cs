using LampQ.Quantization;

namespace LampQ.Transforms;

/// <summary>Which rows of a pipeline calibrate.</summary>
public enum CalibrationSampling
{
    /// <summary>
    /// Rows drawn from all of the data by <see cref="QuantizationOptions.Seed"/>, in one pass and with the drawn rows alone in memory. Rows that are not drawn are passed over;
    /// steps of ML.NET that read ahead on several threads compute them all the same.
    /// </summary>
    WholeData,
    /// <summary>The first rows, in their order; what comes after them is not read.</summary>
    FirstRows,
}

/// <summary>What to quantize, on which column, and how the result is run.</summary>
public sealed record LampQOptions : LampQScoringOptions
{
    /// <summary>The float ONNX model: one image input [batch, ..] and class scores as first output. It is read when the estimator is made.</summary>
    public required string ModelFile { get; init; }

    /// <summary>
    /// Column with the class of a row, for the accuracy in <see cref="LampQTransformer.Report"/>: a key (1 is class 0) or a whole number (its own class).
    /// Where one of the rows has none (a missing key, a number below 0), no accuracy is reported. Default null: the report compares with the float model alone.
    /// </summary>
    public string? LabelColumnName { get; init; }

    /// <summary>Rows that calibrate, 1 or more; all rows where there are fewer. Default null: as many as <c>lampq quantize</c> takes, which is what the recipe's paper does, or what the effort is worth (64, 192 or 512).</summary>
    public int? CalibrationRows { get; init; }

    /// <summary>
    /// Which rows calibrate. Default <see cref="CalibrationSampling.WholeData"/>: data sorted by class are the rule where folders are read, and the first rows of those show one class.
    /// </summary>
    public CalibrationSampling CalibrationSampling { get; init; } = CalibrationSampling.WholeData;

    /// <summary>Method, budget, widths, metric: everything <c>lampq quantize</c> offers. Default: 4 bits a weight on average.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>Ends <c>Fit</c> between two runs of the model with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Told in words what is going on; the same lines reach <c>MLContext.Log</c>.</summary>
    public IProgress<string>? Progress { get; init; }

    internal int RowsToCalibrate => CalibrationRows ?? Quantization.Recipe.SamplesFor(Quantization.Effort);

    internal override void Validate()
    {
        base.Validate();
        Quantization.Validate();
        if (CalibrationRows < 1)
            throw new ArgumentException($"CalibrationRows is {CalibrationRows}; expected 1 at least.");
        if (Quantization.Export == ExportFormat.Packed && !SaveAs.RunsPackedModels)
            throw new ArgumentException($"Export is Packed and SaveAs is {SaveAs.Name}, but ML.NET's own step cannot run packed models. Choose ExportFormat.Portable, or SaveFormat.Mapping.");
        if (InputColumnNames.Count > 1)
            throw new ArgumentException($"InputColumnNames are [{string.Join(", ", InputColumnNames)}]; a model that is quantized has one input.");
    }
}
