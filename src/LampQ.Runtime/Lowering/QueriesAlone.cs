using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>
/// Where an attention takes the queries of a chosen token from a layer that computes queries, keys and values in one product, gives the queries a layer of their
/// own over that token: rows of the same matrix, so the same bits, for a third of the product less.
/// </summary>
static class QueriesAlone
{
    // Packed weights are cut between panels. Where the queries end inside of one (widths that are no multiple of 64) they would have to be packed again.
    const int Cut = PackedWeights.PanelChannels;

    // Inputs of LinearQuantize with an element, or the bytes of its weights, a row of the matrix (docs/formats.md).
    static readonly int[] vectors = [2, 3, 4, 5, 6];

    /// <summary>Splits every layer for which it holds; <see cref="TokenSelection"/> has moved the choices up.</summary>
    public static void Split(Graph graph)
    {
        foreach (var attention in graph.Nodes.Where(n => n.Domain == LampQDomain.Name && n.OpType is "Attention" or "AttentionQuantize").ToArray())
        {
            if (attention.Input(0)!.Producer is not { } slice || !slice.Is("Slice") || slice.Output.OnlyConsumer != attention || slice.Input(0) is not { } all
                || attention.Input(1) != all || attention.Input(2) != all || all.Uses.Count != 3 || all.IsGraphOutput || all.Producer is not { Domain: LampQDomain.Name, OpType: "LinearQuantize" } layer)
                continue;
            int queries = (int)(attention.Int("heads") * attention.Int("head_size")), rows = (int)layer.Int("out_features");
            if (queries % Cut == 0 && attention.Int("q_offset") == 0 && attention.Int("k_offset") >= queries && attention.Int("v_offset") >= queries)
                Split(graph, attention, slice, layer, queries, rows);
        }
    }

    static void Split(Graph graph, Node attention, Node slice, Node layer, int queries, int rows)
    {
        var x = layer.Input(0)!;
        var chosen = graph.AddNode("Slice", [x, .. slice.Inputs.Skip(1)], [x.Name + ".token"]);
        chosen.Name = chosen.Output.Name;
        (chosen.Output.Type, chosen.Output.Shape) = (x.Type, x.Shape is { Count: 3 } s ? [s[0], 1, s[2]] : null);

        var q = Part(graph, layer, chosen.Output, 0, queries, ".q");
        var kv = Part(graph, layer, x, queries, rows, ".kv");
        attention.SetInput(0, q);
        attention.SetInput(1, kv);
        attention.SetInput(2, kv);
        attention.Set("k_offset", attention.Int("k_offset") - queries);
        attention.Set("v_offset", attention.Int("v_offset") - queries);
        graph.RemoveUnused();
    }

    /// <summary>The layer with rows <paramref name="first"/> to <paramref name="end"/> of its matrix.</summary>
    static Value Part(Graph graph, Node layer, Value x, int first, int end, string suffix)
    {
        int columns = (int)layer.Int("in_features"), bits = (int)layer.Int("bits"), rows = (int)layer.Int("out_features");
        var inputs = layer.Inputs.ToList();
        inputs[0] = x;
        var packed = inputs[1]!.Constant!;
        int from = Offset(first), to = end == rows ? packed.Bytes.Length : Offset(end);
        inputs[1] = graph.AddInitializer(inputs[1]!.Name + suffix, Tensor.OfBytes(ElementType.UInt8, packed.Bytes[from..to], to - from));
        foreach (int index in vectors)
            if (inputs.ElementAtOrDefault(index) is { Constant: { } vector } value)
            {
                int size = vector.Bytes.Length / rows;
                inputs[index] = graph.AddInitializer(value.Name + suffix, Tensor.OfBytes(vector.Type, vector.Bytes[(first * size)..(end * size)], end - first));
            }
        var part = graph.AddNode(layer.OpType, inputs, [layer.Output.Name + suffix], layer.Domain, layer.Name + suffix, [.. layer.Attributes.Select(a => (a.Name, a.Value!))]);
        part.Set("out_features", (long)(end - first));
        (part.Output.Type, part.Output.Shape) = (layer.Output.Type, x.Shape is { } shape ? [.. shape.SkipLast(1), end - first] : null);
        return part.Output;

        int Offset(int row) => checked((int)PackedWeights.PanelOffset(row / Cut, columns, bits));
    }
}
