using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// What the float model and its quantized twin make of all samples at one cut of the residual stream, batch by batch: at first the samples themselves, the same for both, and behind one cut after
/// another as <see cref="Advance"/> goes on.
/// </summary>
/// <remarks>Memory does not grow with the samples: they are decoded anew at every reading, and the streams lie in an <see cref="ActivationStore"/> each. Reading is safe from several threads.</remarks>
/// <param name="samples">The samples.</param>
/// <param name="run">Batch size and threads.</param>
/// <param name="roomInBytes">Bytes of each stream that may stay in memory.</param>
public sealed class ResidualStreams(SampleSet samples, RunSettings run, long roomInBytes = ActivationStore.DefaultRoomInBytes) : IDisposable
{
    (ActivationStore Float, ActivationStore Quantized)? stores;

    /// <summary>Number of batches.</summary>
    public int Batches => samples.BatchCount(run);

    /// <summary>A batch of both streams.</summary>
    public (Tensor Float, Tensor Quantized) Read(int batch)
    {
        if (stores is { } cut)
            return (cut.Float.Read(batch), cut.Quantized.Read(batch));
        var loaded = samples.Tensor(batch, run);
        return (loaded, loaded);
    }

    /// <summary>Goes on to the next cut.</summary>
    /// <param name="floatPart">The float model from this cut to the next one, its first output.</param>
    /// <param name="quantizedPart">The same of the quantized twin.</param>
    /// <param name="cancellation">Cancels between two batches; the streams then stay where they are.</param>
    /// <exception cref="IOException">A scratch file cannot be written or read.</exception>
    public void Advance(ModelPart floatPart, ModelPart quantizedPart, CancellationToken cancellation = default)
    {
        var next = (Float: new ActivationStore(Batches, roomInBytes), Quantized: new ActivationStore(Batches, roomInBytes));
        try
        {
            ModelPart.ForEachBatch(Batches, ModelPart.Parallelism(run, cancellation), batch =>
            {
                var (x, quantized) = Read(batch);
                Move(floatPart, x, next.Float, batch);
                Move(quantizedPart, quantized, next.Quantized, batch);
            });
        }
        catch
        {
            Close(next);
            throw;
        }
        Close(stores);
        stores = next;
    }

    /// <inheritdoc/>
    public void Dispose() => Close(stores);

    static void Move(ModelPart part, Tensor start, ActivationStore store, int batch) =>
        part.Run(start, new Dictionary<string, Tensor>(), (_, shape, values) => store.Write(batch, Tensor.Of(values, shape)));

    static void Close((ActivationStore Float, ActivationStore Quantized)? pair)
    {
        pair?.Float.Dispose();
        pair?.Quantized.Dispose();
    }
}
