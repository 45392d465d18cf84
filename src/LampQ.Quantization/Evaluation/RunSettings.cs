using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>How models are run while they are measured.</summary>
public sealed record RunSettings
{
    /// <summary>Samples run at once. Default 4: on two cores larger batches were no faster, and memory grows with them.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Options of the ONNX Runtime sessions; default one thread a core, exact integers.</summary>
    public OnnxSessionOptions Session { get; init; } = new();
}

/// <summary>Samples as tensors for ONNX Runtime.</summary>
public static class SampleTensors
{
    /// <summary>All samples in order, in tensors [batch, ..sample shape]; the last one may be smaller.</summary>
    public static IEnumerable<Tensor> Tensors(this SampleSet samples, RunSettings settings, CancellationToken cancellation = default)
    {
        foreach (var batch in samples.Batches(settings.BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Tensor.Of(batch.Values.Span, batch.Dimensions);
        }
    }
}
