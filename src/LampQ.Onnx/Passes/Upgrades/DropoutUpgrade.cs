namespace LampQ.Onnx;

/// <summary>Dropout takes its ratio as input from opset 12 and does nothing unless the third input asks for training.</summary>
static class DropoutUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        new("Dropout", 12, node =>
        {
            // What the mask holds without training changed (ONNX Runtime: zeros before, ones since).
            if (node.Outputs is [_, { IsUnused: false } mask])
                throw new NotSupportedException($"The mask '{mask.Name}' of node {node} is used; its content changed in opset 12. Export the model without training parts.");
            if (node.Attribute("ratio") is null)
                return;
            node.SetInput(1, node.Graph.AddInitializer($"{node.Output.Name}_ratio", Tensor.Scalar(node.Float("ratio"))));
            node.Unset("ratio");
        }),
    ];
}
