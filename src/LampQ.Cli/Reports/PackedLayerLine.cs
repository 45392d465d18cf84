using LampQ.Onnx;

namespace LampQ.Cli;

/// <summary>A matrix of a packed model as inspect shows it.</summary>
/// <param name="Name">The layer, or the layers of one attention that share an operator.</param>
/// <param name="Op">The operator of ai.lampq.</param>
/// <param name="Bits">Bits a weight.</param>
/// <param name="Shape">[outputs, inputs].</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Bytes">Bytes of the packed weights.</param>
sealed record PackedLayerLine(string Name, string Op, long Bits, IReadOnlyList<long> Shape, long Parameters, long Bytes)
{
    public static IReadOnlyList<PackedLayerLine> Of(Graph graph) =>
        // A layer that reads several bytes a value is a node a byte, all with one matrix; the last one has the layer's name.
        [.. graph.Nodes.Where(n => n.Domain == LampQDomain.Name && n.OpType is "Linear" or "LinearQuantize" or "LinearLevels").GroupBy(n => n.Input(1)).Select(g => Of(g.Last()))];

    static PackedLayerLine Of(Node node)
    {
        long outputs = node.Int("out_features"), inputs = node.Int("in_features");
        return new(node.Name, node.OpType, node.Int("bits"), [outputs, inputs], outputs * inputs, node.Input(1)?.Constant?.Bytes.Length ?? 0);
    }
}
