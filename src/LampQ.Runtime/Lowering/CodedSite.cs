using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>A linear layer whose input has other than uniform codes and whose weight is quantized.</summary>
/// <param name="Name">Name for reports and new values.</param>
/// <param name="Operand">What the layer reads: the end of the formula.</param>
/// <param name="Input">The formula; its source is in the layer's shape, not in rows.</param>
/// <param name="Weights">W, a row an output channel.</param>
/// <param name="Bias">b; null when there is none.</param>
/// <param name="Output">x·Wᵀ + b in the graph.</param>
sealed record CodedSite(string Name, Value Operand, CodedActivation Input, WeightCodes Weights, float[]? Bias, Value Output)
{
    /// <summary>The layer in this form; null where it has another one.</summary>
    /// <param name="layer">A layer of the float view.</param>
    /// <param name="graph">The quantized graph.</param>
    /// <param name="view">Its float view.</param>
    public static CodedSite? Of(QuantizableLayer layer, Graph graph, FloatView view)
    {
        var product = graph.Find(layer.Node.Output.Name)!;
        var node = product.Producer!;
        if (layer.WeightIndex == 0 || node.Is("Conv") || node.Input(0) is not { } operand || CodedActivation.Match(operand) is not { } input
            || QdqLinear.MatchFoldedWeights(node.Input(1)!, layer.IsRowPerOutput) is not { } weights || LinearSites.BiasOf(node, product, weights.Rows, view) is not var (bias, output))
            return null;
        if (LinearSites.UnflattenedSource(input.Source, output, weights, view) is var (source, rows))
        {
            if (input.Source.Uses.Any(u => !input.Readers.Contains(u.Node)))
                return null;
            (input, output) = (input with { Source = source, Readers = [input.Source.Producer!] }, rows);
        }
        return new CodedSite(layer.Name, operand, input, weights, bias, output);
    }
}
