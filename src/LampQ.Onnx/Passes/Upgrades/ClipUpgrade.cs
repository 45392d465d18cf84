namespace LampQ.Onnx;

/// <summary>Clip takes its bounds as inputs from opset 11. Their old defaults, the smallest and largest float, are no bounds at all.</summary>
static class ClipUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("Clip", 11, Upgrade)];

    static void Upgrade(Node node)
    {
        foreach (var (name, input) in new[] { ("min", 1), ("max", 2) })
            if (node.Attribute(name) is not null)
            {
                node.SetInput(input, OpsetChanges.ScalarLikeInput(node, name, node.Float(name)));
                node.Unset(name);
            }
    }
}
