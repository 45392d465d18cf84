namespace LampQ.Onnx;

/// <summary>TopK takes k as input from opset 10. The order and choice of opset 11 default to the old ones.</summary>
static class TopKUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("TopK", 10, Upgrade)];

    static void Upgrade(Node node)
    {
        node.SetInput(1, node.Graph.AddInitializer($"{node.Output.Name}_k", Tensor.Of([node.Int("k")])));
        node.Unset("k");
    }
}
