using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>
/// Moves the choice of one token in front of operators that treat tokens alone (norms, layers, sums, quantizers) and in front of the queries of
/// attention, as long as nobody else reads the other tokens: the same operations on the same numbers, so the same bits, for one row in place of all.
/// </summary>
static class TokenSelection
{
    /// <summary>Moves every Gather of one token, and every Slice to one, as far up as it goes.</summary>
    public static void MoveUp(Graph graph)
    {
        foreach (var node in graph.Nodes.ToArray())
            if (TokenOf(node) is { } token && node.Input(0) is { } tokens && CanCross(tokens, node))
                new Selection(graph, token).Replace(node);
    }

    /// <summary>The token that a Gather or Slice along axis 1 picks; null where it picks several or something else.</summary>
    static long? TokenOf(Node node)
    {
        if (node.Is("Gather") && node.Int("axis") == 1 && node.Input(1)?.Constant is { Count: 1 } pick && pick.Type.IsInteger())
            return pick.ToIntegers()[0] is var index and >= 0 ? index : null;
        return node.Is("Slice") && node.Input(1)?.Constant?.ToIntegers() is [var start and >= 0] && node.Input(2)?.Constant?.ToIntegers() is [var end] && end == start + 1
            && node.Input(3)?.Constant?.ToIntegers() is [1] && (node.Input(4) is null || node.Input(4)!.Constant?.ToIntegers() is [1]) ? start : null;
    }

    static bool CanCross(Value tokens, Node reader) => tokens.OnlyConsumer == reader && tokens.Producer is { } producer && IsRowWise(producer) && tokens.Shape is { Count: 3 };

    static bool IsRowWise(Node node) => node.Domain == LampQDomain.Name ? node.OpType is not "PatchesQuantize"
        : node.Is("LayerNormalization") && node.Int("axis", -1) is -1 or 2 || node.Is("QuantizeLinear", "DequantizeLinear") && node.Input(1)?.Constant is { Count: 1 } || node.Is("Add") && node.Inputs.All(i => i!.Shape is { Count: 3 })
            && node.Input(0)!.Shape!.SequenceEqual(node.Input(1)!.Shape!);

    sealed class Selection(Graph graph, long token)
    {
        readonly Dictionary<Value, Node> slices = [];
        readonly Queue<Value> open = [];

        public void Replace(Node choice)
        {
            var tokens = choice.Input(0)!;
            if (choice.Is("Slice"))
                slices[tokens] = choice;
            else
                choice.SetInput(0, Slice(tokens));
            if (choice.Is("Gather"))
                choice.SetInput(1, graph.AddInitializer(choice.Output.Name + ".token", Tensor.OfBytes(choice.Input(1)!.Constant!.Type, new byte[choice.Input(1)!.Constant!.Bytes.Length], [.. choice.Input(1)!.Constant!.Shape])));
            open.Enqueue(tokens);
            while (open.TryDequeue(out var value))
                if (slices.TryGetValue(value, out var slice) && CanCross(value, slice))
                    Cross(value, slice);
        }

        /// <summary>The one token of a value, [B, 1, C]; everybody who asks gets the same.</summary>
        Value Slice(Value value)
        {
            if (!slices.TryGetValue(value, out var slice))
            {
                slice = graph.AddNode("Slice", [value, Axis(token), Axis(token + 1), Axis(1)], [value.Name + ".token"]);
                slice.Name = slice.Output.Name;
                (slice.Output.Type, slice.Output.Shape) = (value.Type, value.Shape is { Count: 3 } s ? [s[0], 1, s[2]] : null);
                slices.Add(value, slice);
            }
            open.Enqueue(value);
            return slice.Output;
        }

        void Cross(Value value, Node slice)
        {
            var node = value.Producer!;
            graph.ReplaceUses(slice.Output, value);
            if (slice.Output.IsGraphOutput)
            {
                string name = slice.Output.Name;
                graph.Rename(slice.Output, graph.NewName(name + ".unused"));
                graph.Rename(value, name);
                graph.ReplaceOutput(slice.Output, value);
            }
            slices.Remove(value);
            graph.Remove(slice);
            if (value.Shape is { Count: 3 } shape)
                value.Shape = [shape[0], 1, shape[2]];
            foreach (int index in RowInputs(node))
                node.SetInput(index, Slice(node.Input(index)!));
            if (node.OpType is "Attention" or "AttentionQuantize" && node.Input(3) is { } bias)
                node.SetInput(3, graph.Emit("Slice", [bias, Axis(token), Axis(token + 1), Axis(2)], $"{bias.Name}.token"));
        }

        /// <summary>Inputs that have a row a token of the output.</summary>
        static IEnumerable<int> RowInputs(Node node)
        {
            yield return 0;
            if (node.OpType == "Add" || node.OpType == "Linear" && node.Input(5) is not null)
                yield return node.OpType == "Add" ? 1 : 5;
        }

        Value Axis(long value) => graph.AddInitializer("token.slice", Tensor.Of([value]));
    }
}
