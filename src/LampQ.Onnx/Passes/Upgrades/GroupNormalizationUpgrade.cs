namespace LampQ.Onnx;

/// <summary>GroupNormalization has one scale and bias a group up to opset 20, one a channel from 21.</summary>
static class GroupNormalizationUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("GroupNormalization", 21, Upgrade)];

    static void Upgrade(Node node)
    {
        long groups = node.Int("num_groups");
        if (node.Input(0)!.Shape is not [_, { Size: { } channels }, ..])
            throw new NotSupportedException($"Node {node} must repeat its scale for every channel, but the number of channels is not known. Fix the input shapes first.");
        for (int input = 1; input <= 2; input++)
        {
            var (graph, perGroup, name) = (node.Graph, node.Input(input)!, node.Input(input)!.Name);
            // [G] → [G,1] → [G,C/G] → [C]: every entry is repeated for the channels of its group.
            var column = graph.Emit("Reshape", [perGroup, graph.AddInitializer(name + "_column", Tensor.Of([groups, 1L]))], name + "_groups");
            var table = graph.Emit("Expand", [column, graph.AddInitializer(name + "_table", Tensor.Of([groups, channels / groups]))], name + "_repeated");
            node.SetInput(input, graph.Emit("Reshape", [table, graph.AddInitializer(name + "_row", Tensor.Of([channels]))], name + "_channels"));
        }
    }
}
