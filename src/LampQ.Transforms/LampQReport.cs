using System.Globalization;
using System.Text;
using LampQ.Runtime;

namespace LampQ.Transforms;

/// <summary>What one layer got.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it does: qkv, fc1, head, ...</param>
/// <param name="Bits">Bits a weight.</param>
/// <param name="Parameters">Weights.</param>
/// <param name="Sensitivity">The metric's number; null for a layer whose width was given.</param>
public sealed record LampQLayer(string Name, string Type, int Bits, long Parameters, double? Sensitivity);

/// <summary>How a quantized model came about, and how it compares with the float model on the rows that calibrated it.</summary>
/// <remarks>Calibration rows are not a test set: accuracy on them says whether something broke, not how good the model is.</remarks>
public sealed record LampQReport
{
    /// <summary>Rows that calibrated.</summary>
    public required int Rows { get; init; }

    /// <summary>Parameter-weighted mean width of the layers that took part in the allocation.</summary>
    public required double AverageBits { get; init; }

    /// <summary>Every quantized layer, along the data.</summary>
    public required IReadOnlyList<LampQLayer> Layers { get; init; }

    /// <summary>Bytes of the float model as a file.</summary>
    public required long Fp32Bytes { get; init; }

    /// <summary>Bytes of the quantized model as a file.</summary>
    public required long QuantizedBytes { get; init; }

    /// <summary>Share of rows for which both models predict the same class, 0 to 1.</summary>
    public required double Agreement { get; init; }

    /// <summary>Mean KL(float ‖ quantized) of the class probabilities, in nats.</summary>
    public required double MeanKl { get; init; }

    /// <summary>Share of labelled rows the float model gets right, 0 to 1; null without labels.</summary>
    public double? Fp32Top1 { get; init; }

    /// <summary>Share of labelled rows the quantized model gets right, 0 to 1; null without labels.</summary>
    public double? Top1 { get; init; }

    /// <summary>Median milliseconds a row of the float model on this CPU and the step's threads, both models in turn.</summary>
    public required double Fp32Milliseconds { get; init; }

    /// <summary>Median milliseconds a row of the quantized model.</summary>
    public required double QuantizedMilliseconds { get; init; }

    /// <summary>Which quantized operations run on LampQ's kernels, and why the others do not; empty for a packed model, whose operators are chosen already.</summary>
    public LoweringReport Lowering { get; init; } = LoweringReport.Empty;

    /// <summary>Seconds from the first row to the finished model.</summary>
    public required double Seconds { get; init; }

    /// <summary>What a user should know: layers left in float, widths that share a container.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The report in a few lines, without the layers.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        var culture = CultureInfo.InvariantCulture;
        text.AppendLine(culture, $"average bits {AverageBits:F2} over {Layers.Count} layers, {Rows} rows, {Seconds:F1} s");
        text.AppendLine(culture, $"bytes        {Fp32Bytes:N0} fp32, {QuantizedBytes:N0} quantized");
        text.AppendLine(culture, $"ms a row     {Fp32Milliseconds:F3} fp32, {QuantizedMilliseconds:F3} quantized");
        text.AppendLine(culture, $"agreement    {Agreement:P1} of predictions, mean KL {MeanKl:G3}");
        if (Top1 is { } top1 && Fp32Top1 is { } fp32)
            text.AppendLine(culture, $"top-1        {fp32:P1} fp32, {top1:P1} quantized (on the calibration rows)");
        if (Lowering.Operations.Count > 0)
            text.AppendLine(culture, $"kernels      {Lowering}");
        foreach (string note in Notes)
            text.AppendLine(culture, $"note: {note}");
        return text.ToString().TrimEnd();
    }
}
