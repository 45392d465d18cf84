namespace LampQ.Onnx;

/// <summary>BatchNormalization asks for training by an attribute from opset 14, where it was the number of outputs that asked before.</summary>
static class BatchNormalizationUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("BatchNormalization", 14, Upgrade)];

    static void Upgrade(Node node)
    {
        if (node.Outputs.Skip(1).Any(o => o is not null))
            throw new NotSupportedException($"Node {node} has training outputs, which changed in opset 14. Export the model for inference.");
    }
}
