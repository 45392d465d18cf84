namespace LampQ.Onnx;

/// <summary>Upsample became Resize in opset 10, with the same inputs and modes.</summary>
static class UpsampleUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("Upsample", 10, Upgrade)];

    static void Upgrade(Node node)
    {
        string mode = node.String("mode", "nearest");
        node.Graph.Replace(node, "Resize", [.. node.Inputs]).Set("mode", mode);
    }
}
