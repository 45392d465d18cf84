using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LampQ.Onnx;
using LampQ.Runtime;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization;

/// <summary>A model that returns an objective and its gradients, for a fixed number of samples at once. Safe for many callers at once.</summary>
sealed class GradientPart : IDisposable
{
    // Of a cache line.
    const int Alignment = 64;

    readonly OnnxSession session;
    readonly string startName, seedName;
    readonly string[] fedNames, outputs;
    readonly Tensor ones;

    /// <summary>Builds the graph.</summary>
    /// <param name="model">A model with the parameters among its inputs; its first input takes the samples.</param>
    /// <param name="parameters">Names of the inputs that gradients are wanted for.</param>
    /// <param name="objective">Adds to the graph what is to become small, for each sample [batch], and returns it.</param>
    /// <param name="batch">Samples at once.</param>
    /// <param name="sample">Shape of one sample.</param>
    /// <param name="settings">How ONNX Runtime runs it; always one thread, because parts run side by side.</param>
    /// <param name="start">Name of the value to begin at; null is the model's first input.</param>
    /// <exception cref="NotSupportedException">An operator on the way has no backward rule.</exception>
    public GradientPart(Model model, IReadOnlyList<string> parameters, Func<Graph, Value> objective, int batch, IReadOnlyList<int> sample, RunSettings settings, string? start = null)
    {
        var (cut, name) = ModelPart.Cut(model, start, g => [objective(g)]);
        cut = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [name] = [batch, .. sample.Select(d => (long)d)] }).Apply(cut);
        var gradients = GradientGraph.Build(cut, Loss.InnerProduct, parameters);
        outputs = [gradients.Loss, .. parameters.Select(p => gradients.Gradients[p])];
        (startName, seedName) = (name, gradients.ExtraInputs.Single());
        ones = Tensor.Of(Enumerable.Repeat(1f, batch).ToArray());
        session = new OnnxSession(gradients.Model, settings.Session with { Threads = 1 });
        fedNames = [.. session.InputNames.Where(n => n != startName && n != seedName)];
    }

    /// <summary>Names of the inputs that must be fed.</summary>
    public IReadOnlyList<string> Fed => fedNames;

    /// <summary>Runs one batch.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="fed">What all other inputs hold.</param>
    /// <returns>The objective summed over the samples, and its gradients in the order of the parameters.</returns>
    public (double Objective, float[][] Gradients) Run(Tensor batch, IReadOnlyDictionary<string, Tensor> fed)
    {
        var inputs = new Dictionary<string, Tensor> { [startName] = Aligned(batch), [seedName] = ones };
        foreach (string name in fedNames)
            inputs[name] = fed[name];
        double loss = 0;
        var gradients = new float[outputs.Length - 1][];
        session.Run(inputs, outputs, (i, _, values) =>
        {
            if (i == 0)
                loss = TensorPrimitives.Sum(values);
            else
                gradients[i - 1] = values.ToArray();
        });
        return (loss, gradients);
    }

    /// <summary>ONNX Runtime 1.30 adds up the mean of an input in an order that depends on where the input begins in memory, and one seed is to give one plan.</summary>
    static unsafe Tensor Aligned(Tensor tensor)
    {
        byte[] memory = GC.AllocateUninitializedArray<byte>(tensor.Bytes.Length + Alignment, pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(memory));
        var bytes = memory.AsMemory((int)(-start & (Alignment - 1)), tensor.Bytes.Length);
        tensor.Bytes.CopyTo(bytes);
        return Tensor.OfBytes(tensor.Type, bytes, [.. tensor.Shape]);
    }

    /// <summary>Gradients of several batches, run side by side and added up in their order: floats summed in another order would give another model.</summary>
    public static float[][] Sum(int batches, ParallelOptions parallel, Func<int, float[][]> gradientsOf)
    {
        float[][]? sum = null;
        for (int first = 0; first < batches; first += parallel.MaxDegreeOfParallelism)
        {
            var results = new float[Math.Min(parallel.MaxDegreeOfParallelism, batches - first)][][];
            ModelPart.ForEachBatch(results.Length, parallel, i => results[i] = gradientsOf(first + i));
            foreach (float[][] result in results)
                if (sum is null)
                    sum = result;
                else
                    for (int p = 0; p < sum.Length; p++)
                        TensorPrimitives.Add(sum[p], result[p], sum[p]);
        }
        return sum!;
    }

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();
}
