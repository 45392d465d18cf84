using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>How models are run while they are measured.</summary>
public sealed record RunSettings
{
    /// <summary>Samples run at once. Default 4: on two cores larger batches were no faster, and memory grows with them.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>
    /// True for a model whose batch axis is fixed to <see cref="BatchSize"/>: an incomplete last batch is filled up with copies of its last sample.
    /// Default false.
    /// </summary>
    public bool FillLastBatch { get; init; }

    /// <summary>Options of the ONNX Runtime sessions; default one thread a core.</summary>
    public OnnxSessionOptions Session { get; init; } = new();
}

/// <summary>Samples as tensors for ONNX Runtime.</summary>
public static class SampleTensors
{
    /// <summary>All samples in order, in tensors [batch, ..sample shape]; the last one may be smaller, or filled up (<see cref="RunSettings.FillLastBatch"/>).</summary>
    public static IEnumerable<Tensor> Tensors(this SampleSet samples, RunSettings settings, CancellationToken cancellation = default)
    {
        foreach (var batch in samples.Batches(settings.BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return settings.FillLastBatch && batch.Count < settings.BatchSize ? Filled(batch, settings.BatchSize) : Tensor.Of(batch.Values.Span, batch.Dimensions);
        }
    }

    static Tensor Filled(SampleBatch batch, int rows)
    {
        int length = batch.Values.Length / batch.Count;
        var values = new float[(long)rows * length];
        batch.Values.Span.CopyTo(values);
        for (int row = batch.Count; row < rows; row++)
            batch.Values.Span[^length..].CopyTo(values.AsSpan(row * length));
        return Tensor.Of(values, [rows, .. batch.Dimensions[1..]]);
    }
}
