using System.Runtime.InteropServices;
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
            yield return Filled(batch.Values.Span, batch.Dimensions, settings);
        }
    }

    /// <summary>Number of tensors of <see cref="Tensors"/>.</summary>
    public static int BatchCount(this SampleSet samples, RunSettings settings) => (samples.Count + settings.BatchSize - 1) / settings.BatchSize;

    /// <summary>One of <see cref="Tensors"/>, loaded on the calling thread.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="batch">From 0 to <see cref="BatchCount"/> − 1.</param>
    /// <param name="settings">Batch size.</param>
    /// <exception cref="InvalidDataException">As <see cref="SampleSet.Load"/>.</exception>
    public static Tensor Tensor(this SampleSet samples, int batch, RunSettings settings)
    {
        int first = batch * settings.BatchSize, count = Math.Min(settings.BatchSize, samples.Count - first), length = samples.SampleLength;
        var bytes = new byte[sizeof(float) * count * length];
        var values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        for (int i = 0; i < count; i++)
            samples.Load(first + i, values.Slice(i * length, length));
        long[] shape = [count, .. samples.Shape.Select(axis => (long)axis)];
        return IsComplete(shape, settings) ? Onnx.Tensor.OfBytes(ElementType.Float, bytes, shape) : Filled(values, shape, settings);
    }

    static bool IsComplete(long[] shape, RunSettings settings) => !settings.FillLastBatch || shape[0] == settings.BatchSize;

    static Tensor Filled(ReadOnlySpan<float> values, long[] shape, RunSettings settings)
    {
        if (IsComplete(shape, settings))
            return Onnx.Tensor.Of(values, shape);
        int length = values.Length / (int)shape[0];
        var filled = new float[(long)settings.BatchSize * length];
        values.CopyTo(filled);
        for (int row = (int)shape[0]; row < settings.BatchSize; row++)
            values[^length..].CopyTo(filled.AsSpan(row * length));
        return Onnx.Tensor.Of(filled, [settings.BatchSize, .. shape[1..]]);
    }
}
