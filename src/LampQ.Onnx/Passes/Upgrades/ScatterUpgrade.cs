namespace LampQ.Onnx;

/// <summary>Scatter is called ScatterElements from opset 11.</summary>
static class ScatterUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("Scatter", 11, Upgrade)];

    static void Upgrade(Node node)
    {
        long axis = node.Int("axis");
        node.Graph.Replace(node, "ScatterElements", [.. node.Inputs]).Set("axis", axis);
    }
}
