using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A quantized linear layer of the graph, y = x·Wᵀ + b, while it is being lowered.</summary>
sealed class LinearSite
{
    /// <summary>Name for reports and new values.</summary>
    public required string Name { get; init; }

    /// <summary>The MatMul, Gemm or Conv.</summary>
    public required Node Node { get; init; }

    /// <summary>What goes in; for a Conv the image.</summary>
    public required QuantizedActivation Input { get; init; }

    /// <summary>W, a row an output channel.</summary>
    public required WeightCodes Weights { get; set; }

    /// <summary>b; null when there is none.</summary>
    public float[]? Bias { get; init; }

    /// <summary>x·Wᵀ + b in the graph.</summary>
    public required Value Output { get; init; }

    /// <summary>True once an operator of ai.lampq computes it.</summary>
    public bool IsDone { get; set; }
}

/// <summary>Finds the layers whose input and weight are both quantized.</summary>
static class LinearSites
{
    /// <summary>The layer in a form that can be lowered, or null with the reason.</summary>
    /// <param name="layer">A layer of the float view.</param>
    /// <param name="graph">The quantized graph.</param>
    /// <param name="view">Its float view.</param>
    /// <param name="reason">Why not; empty where it is one.</param>
    public static LinearSite? Of(QuantizableLayer layer, Graph graph, FloatView view, out string reason)
    {
        var product = graph.Find(layer.Node.Output.Name)!;
        var node = product.Producer!;
        if (node.Input(1 - layer.WeightIndex) is not { } operand || QdqActivation.Match(operand) is not { } input)
        {
            reason = node.Input(1 - layer.WeightIndex) is { } coded && CodedActivation.SourceOf(coded) is not null
                ? "Its input has other than uniform codes in a form that is not lowered; ONNX Runtime multiplies floats."
                : "Its input is not quantized to 8 bits with one scale.";
            return null;
        }
        if (layer.WeightIndex == 0 && !node.Is("Conv"))
        {
            reason = "Its weight stands on the left of the product.";
            return null;
        }
        if (QdqLinear.MatchWeights(node.Input(layer.WeightIndex)!, layer.IsRowPerOutput, out reason) is not { } weights)
            return null;
        if (BiasOf(node, product, weights.Rows, view) is not var (bias, output))
        {
            reason = "Its bias is not a constant vector.";
            return null;
        }
        if (UnflattenedSource(input.Source, output, weights, view) is var (source, rows))
            (input, output) = (input with { Source = source }, rows);
        return new LinearSite { Name = layer.Name, Node = node, Input = input, Weights = weights, Bias = bias, Output = output };
    }

    /// <summary>The bias of a layer, its own or added behind it, and what the layer returns with it; null where its own is no constant vector.</summary>
    public static (float[]? Bias, Value Output)? BiasOf(Node node, Value product, int channels, FloatView view)
    {
        if (node.Input(2) is { } own)
            return QdqLinear.MatchBias(own, channels) is { } bias ? (bias, product) : null;
        // Other tools may round between product and bias: then the product alone is the layer.
        return product.OnlyConsumer is { } add && add.Is("Add") && add.Input(add.Input(0) == product ? 1 : 0) is { } other && IsVector(view, other, channels) && QdqLinear.MatchBias(other, channels) is { } behind
            ? (behind, add.Output) : (null, product);
    }

    /// <summary>Gemm wants rows; the operators of ai.lampq take any rank, so the two reshapes around it go.</summary>
    /// <returns>What is reshaped to rows, and what the rows become again; null where there are no such reshapes.</returns>
    public static (Value Source, Value Output)? UnflattenedSource(Value source, Value output, WeightCodes weights, FloatView view)
    {
        if (source.Producer is not { } rows || !rows.Is("Reshape") || rows.Input(0) is not { } x || output.OnlyConsumer is not { } back || !back.Is("Reshape"))
            return null;
        var from = view.Shape(x);
        var to = view.Shape(back.Output);
        return from is { Count: >= 3 } && to is not null && from[^1].Size == weights.Columns && to[^1].Size == weights.Rows && view.Shape(source) is { Count: 2 } flat && flat[^1].Size == weights.Columns
            && from.SkipLast(1).SequenceEqual(to.SkipLast(1)) && from.SkipLast(1).All(d => d.Size is not null || d.Symbol is not null)
            ? (x, back.Output) : null;
    }

    static bool IsVector(FloatView view, Value value, int size) =>
        view.Shape(value) is { } shape ? shape.Count > 0 && shape[^1].Size == size && shape.SkipLast(1).All(d => d.Size == 1)
        : value.Producer?.Input(0)?.Constant is { } stored && stored.Count == size && stored.Rank > 0 && stored.Shape[^1] == size;
}
