using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// G = Σ x·xᵀ over all tokens of all samples, [K, K], for the input x [K] of each layer: with it the error of any weights at that layer is known
/// without running anything, E‖ΔW·x‖² = tr(ΔW·G·ΔWᵀ).
/// </summary>
public sealed class InputGrams
{
    readonly Dictionary<string, float[]> grams = [];
    readonly Dictionary<string, double> rowsOf = [];

    /// <summary>Adds up the grams in ONNX Runtime, one matrix a distinct input; memory does not grow with the samples.</summary>
    public static InputGrams Collect(Model model, IReadOnlyList<QuantizableLayer> layers, SampleSet samples, RunSettings settings, CancellationToken cancellation)
    {
        var result = new InputGrams();
        var probe = model.Clone();
        var graph = probe.Graph;
        foreach (var output in graph.Outputs.ToArray())
            graph.RemoveOutput(output);
        var wanted = new Dictionary<string, string>();
        foreach (var layer in layers.Where(l => !l.Node.Is("Conv") && l.WeightIndex == 1).DistinctBy(l => l.Input.Name))
        {
            var rows = graph.Emit("Reshape", [graph.Find(layer.Input.Name)!, graph.AddInitializer("gram_rows", Tensor.Of([-1L, layer.InputChannels]))]);
            var gram = graph.Emit("MatMul", [graph.Emit("Transpose", [rows], ("perm", new long[] { 1, 0 })), rows], $"{layer.Input.Name}:gram");
            var count = graph.Emit("Cast", [graph.Emit("Gather", [graph.Emit("Shape", [rows]), graph.AddInitializer("first", Tensor.Of([0L]))])], $"{layer.Input.Name}:rows", ("to", (long)ElementType.Float));
            count.Type = ElementType.Float;
            graph.AddOutput(gram);
            graph.AddOutput(count);
            wanted[gram.Name] = wanted[count.Name] = layer.Input.Name;
            result.grams[layer.Input.Name] = new float[layer.InputChannels * layer.InputChannels];
        }
        if (wanted.Count == 0)
            return result;
        graph.RemoveUnused();
        using var session = new OnnxSession(probe, settings.Session);
        string[] names = [.. wanted.Keys];
        foreach (var batch in samples.Tensors(settings, cancellation))
            session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = batch }, names, (i, _, values) =>
            {
                string input = wanted[names[i]];
                if (names[i] == $"{input}:rows")
                {
                    result.rowsOf[input] = result.rowsOf.GetValueOrDefault(input) + values[0];
                    return;
                }
                var sum = result.grams[input];
                System.Numerics.Tensors.TensorPrimitives.Add(sum, values, sum);
            });
        return result;
    }

    /// <summary>The gram of a layer's input [K, K]; null for layers that have none (a Conv).</summary>
    public float[]? Of(QuantizableLayer layer) => grams.GetValueOrDefault(layer.Input.Name);

    /// <summary>Tokens that the gram of a layer's input adds up; 0 where there is none.</summary>
    public double RowsOf(QuantizableLayer layer) => rowsOf.GetValueOrDefault(layer.Input.Name);

    /// <summary>tr(A·G·Aᵀ) for A [N, K]: the energy of A·x over all tokens.</summary>
    public static double Energy(float[] a, int rows, float[] gram)
    {
        int columns = a.Length / rows;
        double sum = 0;
        var product = new float[columns];
        for (int n = 0; n < rows; n++)
        {
            var line = a.AsSpan(n * columns, columns);
            Array.Clear(product);
            for (int k = 0; k < columns; k++)
                if (line[k] != 0)
                    System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(gram.AsSpan(k * columns, columns), line[k], product, product);
            sum += System.Numerics.Tensors.TensorPrimitives.Dot<float>(product, line);
        }
        return sum;
    }
}
