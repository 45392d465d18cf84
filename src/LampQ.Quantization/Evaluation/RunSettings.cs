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

/// <summary>Samples for calibration or evaluation: float tensors of one shape, loaded when they are needed, some with a class.</summary>
public interface ISampleSource
{
    /// <summary>Number of samples.</summary>
    int Count { get; }

    /// <summary>Shape of one sample, without the batch dimension.</summary>
    IReadOnlyList<long> SampleShape { get; }

    /// <summary>The class of a sample; null when it is not known.</summary>
    int? LabelOf(int index);

    /// <summary>Writes the elements of one sample.</summary>
    void Load(int index, Span<float> destination);
}

/// <summary>Samples in batches.</summary>
public static class SampleBatches
{
    /// <summary>The first samples, or all where there are no more.</summary>
    public static ISampleSource First(this ISampleSource samples, int count) => new FirstSamples(samples, count);

    /// <summary>All samples in order, in tensors [batch, ..sample shape]; the last one may be smaller. A tensor is overwritten when the next one is asked for.</summary>
    public static IEnumerable<Tensor> Batches(this ISampleSource samples, int batchSize, CancellationToken cancellation = default)
    {
        int size = (int)samples.SampleShape.Aggregate(1L, (a, b) => a * b);
        var buffer = new byte[sizeof(float) * (long)size * Math.Min(batchSize, samples.Count)];
        for (int first = 0; first < samples.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(batchSize, samples.Count - first);
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
                samples.Load(first + i, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(buffer.AsSpan(i * size * sizeof(float), size * sizeof(float)))));
            yield return Tensor.OfBytes(ElementType.Float, buffer.AsMemory(0, count * size * sizeof(float)), [count, .. samples.SampleShape]);
        }
    }
}

/// <summary>The first samples of another source.</summary>
sealed class FirstSamples(ISampleSource all, int count) : ISampleSource
{
    public int Count => Math.Min(count, all.Count);

    public IReadOnlyList<long> SampleShape => all.SampleShape;

    public int? LabelOf(int index) => all.LabelOf(index);

    public void Load(int index, Span<float> destination) => all.Load(index, destination);
}
