using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Adds the computation of <see cref="LayerMoments"/> to a graph, so that ONNX Runtime does the products.</summary>
static class MomentsGraph
{
    /// <summary>Layers whose inputs are rows of channels; a Conv's are not.</summary>
    public static bool Suits(QuantizableLayer layer) => !layer.Node.Is("Conv") && layer.WeightIndex == 1;

    /// <summary>A = X̃ᵀX̃ and B = YᵀX̃ of one layer, X̃ = √ω·[x, 1] and Y = √ω·y; adds the inputs named by <see cref="RootName"/> [rows, 1] and <see cref="OutputName"/> [rows, N].</summary>
    /// <param name="graph">A graph that has the layer's node.</param>
    /// <param name="layer">The layer, found in a model this graph is made of.</param>
    public static IReadOnlyList<Value> Emit(Graph graph, QuantizableLayer layer)
    {
        var node = graph.Find(layer.Node.Output.Name)!.Producer!;
        var rows = graph.Emit("Reshape", [node.Input(1 - layer.WeightIndex)!, graph.AddInitializer("rows_shape", Tensor.Of([-1L, layer.InputChannels]))]);
        var root = graph.AddInput(RootName(layer), ElementType.Float, ["rows", 1]);
        var x = graph.Emit("Concat", [graph.Emit("Mul", [rows, root]), root], ("axis", 1L));
        var gram = graph.Emit("MatMul", [graph.Emit("Transpose", [x], ("perm", new long[] { 1, 0 })), x], $"{layer.Name}:gram");
        var y = graph.Emit("Mul", [graph.AddInput(OutputName(layer), ElementType.Float, ["rows", layer.OutputChannels]), root]);
        return [gram, graph.Emit("MatMul", [graph.Emit("Transpose", [y], ("perm", new long[] { 1, 0 })), x], $"{layer.Name}:target")];
    }

    /// <summary>Name of the input that takes √ω.</summary>
    public static string RootName(QuantizableLayer layer) => $"{layer.Name}:root_weight";

    /// <summary>Name of the input that takes y.</summary>
    public static string OutputName(QuantizableLayer layer) => $"{layer.Name}:wanted";

    /// <summary>√ω of a batch of samples, [rows, 1].</summary>
    public static Tensor Roots(QuantizableLayer layer, TokenWeights? weights, int firstSample, int samples, int rows)
    {
        var roots = new float[rows];
        int each = rows / samples;
        for (int s = 0; s < samples; s++)
        {
            var part = roots.AsSpan(s * each, each);
            if (weights?.RootsOf(layer, firstSample + s) is { } known && known.Length == each)
                known.CopyTo(part);
            else
                part.Fill(1);
        }
        return Tensor.Of(roots, rows, 1);
    }
}
