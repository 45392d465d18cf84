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
    readonly ActivationStore[] ofFloat = [NewStore(samples, run, roomInBytes), NewStore(samples, run, roomInBytes)], ofQuantized = [NewStore(samples, run, roomInBytes), NewStore(samples, run, roomInBytes)];
    // Cuts take turns with two stores of each stream: the one that stands at a cut is filled from the other.
    int cut;
    // Both streams are the same until a quantized part has run.
    bool isOne = true;

    /// <summary>Number of batches.</summary>
    public int Batches => samples.BatchCount(run);

    /// <summary>A batch of both streams.</summary>
    /// <param name="batch">Which.</param>
    /// <param name="memory">Where it may lie; the tensors hold until its next use.</param>
    public (Tensor Float, Tensor Quantized) Read(int batch, StreamMemory memory)
    {
        if (cut > 0)
        {
            var exact = ofFloat[cut % 2].Read(batch, memory.Float);
            return (exact, isOne ? exact : ofQuantized[cut % 2].Read(batch, memory.Quantized));
        }
        var loaded = samples.Tensor(batch, run);
        return (loaded, loaded);
    }

    /// <summary>Keeps what the float model makes of a batch at the next cut, for whoever computed it anyway: <see cref="Advance"/> then need not.</summary>
    /// <exception cref="IOException">A scratch file cannot be written.</exception>
    public void KeepNextFloat(int batch, ReadOnlySpan<long> shape, ReadOnlySpan<float> values) => ofFloat[(cut + 1) % 2].Write(batch, values, shape);

    /// <summary>What was kept of the float model at the next cut.</summary>
    /// <param name="batch">Which.</param>
    /// <param name="memory">Where it may lie; the tensor holds until its next use.</param>
    /// <exception cref="InvalidOperationException">The batch was not kept.</exception>
    public Tensor ReadNextFloat(int batch, ReusedMemory memory) => ofFloat[(cut + 1) % 2].Read(batch, memory);

    /// <summary>Goes on to the next cut.</summary>
    /// <param name="floatPart">The float model from this cut to the next one, its first output; null where every batch of it has been kept already.</param>
    /// <param name="quantizedPart">The same of the quantized twin; null, at every cut, where nobody asks for another stream than the float one.</param>
    /// <param name="cancellation">Cancels between two batches; the streams are of no use then.</param>
    /// <exception cref="IOException">A scratch file cannot be written or read.</exception>
    public void Advance(ModelPart? floatPart, ModelPart? quantizedPart, CancellationToken cancellation = default)
    {
        int next = (cut + 1) % 2;
        ModelPart.ForEachBatch(Batches, ModelPart.Parallelism(run, cancellation), () => new StreamMemory(), (batch, memory) =>
        {
            var (x, quantized) = Read(batch, memory);
            if (floatPart is not null)
                Move(floatPart, x, ofFloat[next], batch);
            if (quantizedPart is not null)
                Move(quantizedPart, quantized, ofQuantized[next], batch);
        });
        ofFloat[cut % 2].Clear();
        ofQuantized[cut % 2].Clear();
        isOne = quantizedPart is null;
        cut++;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var store in ofFloat.Concat(ofQuantized))
            store.Dispose();
    }

    static ActivationStore NewStore(SampleSet samples, RunSettings run, long roomInBytes) => new(samples.BatchCount(run), roomInBytes);

    static void Move(ModelPart part, Tensor start, ActivationStore store, int batch) =>
        part.Run(start, new Dictionary<string, Tensor>(), (_, shape, values) => store.Write(batch, values, shape));
}

/// <summary>Memory of one worker for a batch of both streams.</summary>
public sealed class StreamMemory
{
    /// <summary>For the float model's.</summary>
    public ReusedMemory Float { get; } = new();

    /// <summary>For the quantized twin's.</summary>
    public ReusedMemory Quantized { get; } = new();
}
