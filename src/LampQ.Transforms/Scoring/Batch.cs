using System.Runtime.InteropServices;
using LampQ.Onnx;
using LampQ.Runtime;
using Microsoft.ML;

namespace LampQ.Transforms;

/// <summary>Room for some rows of a model's inputs and outputs. One reader has one: nothing of it is shared.</summary>
sealed class Batch : IDisposable
{
    readonly Engine engine;
    readonly int capacity;
    readonly int? fixedBatch;
    readonly InputReader[] readers;
    readonly Dictionary<string, Tensor> feeds = [];
    readonly OutputStore[] stores;
    readonly string[] outputs;
    readonly FloatOutput? keepFloats;

    /// <param name="engine">Runs the model.</param>
    /// <param name="binding">Which columns feed it.</param>
    /// <param name="source">The row or cursor that is read.</param>
    /// <param name="capacity">Rows at once.</param>
    /// <param name="wanted">Numbers of the model outputs to compute, at least one.</param>
    /// <param name="buffers">Where the inputs' buffers come from, and go when the batch is disposed.</param>
    public Batch(Engine engine, SchemaBinding binding, DataViewRow source, int capacity, int[] wanted, InputBuffers buffers)
    {
        this.engine = engine;
        fixedBatch = binding.Model.FixedBatch;
        // A model with a fixed batch is always given a whole one; what is left of it holds zeros or old rows, and its results are not looked at.
        this.capacity = Math.Max(capacity, fixedBatch ?? 1);
        Wanted = wanted;
        readers = [.. binding.Sources.Select(s => InputReader.Of(s, source, this.capacity, buffers))];
        stores = [.. wanted.Select(i => OutputStore.Of(binding.Model.Outputs[i]))];
        outputs = [.. wanted.Select(i => binding.Model.Outputs[i].Name)];
        if (wanted.All(i => binding.Model.Outputs[i].Element == ElementType.Float))
            keepFloats = (index, _, values) => stores[index].Keep(MemoryMarshal.AsBytes(values), Ran);
    }

    /// <summary>Numbers of the model outputs that are computed.</summary>
    public int[] Wanted { get; }

    int Ran { get; set; }

    /// <summary>Copies the inputs of the row the source stands on.</summary>
    public void Read(int slot)
    {
        foreach (var reader in readers)
            reader.Read(slot);
    }

    /// <summary>Runs the model on the rows that were read.</summary>
    public void Run(int rows)
    {
        Ran = fixedBatch is null ? rows : capacity;
        foreach (var reader in readers)
            feeds[reader.Name] = reader.Batch(Ran);
        if (keepFloats is not null)
        {
            engine.Run(feeds, outputs, keepFloats);
            return;
        }
        var results = engine.Run(feeds, outputs);
        for (int i = 0; i < results.Length; i++)
            stores[i].Keep(results[i].Bytes.Span, Ran);
    }

    public void Dispose()
    {
        foreach (var reader in readers)
            reader.Dispose();
    }

    /// <summary>A getter of a model output in the row whose place the function gives.</summary>
    public Delegate Getter(int output, Func<int> scoredSlot) => stores[Array.IndexOf(Wanted, output)].Getter(scoredSlot);
}
