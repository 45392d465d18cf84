namespace LampQ.Onnx;

/// <summary>Split takes its sizes as input from opset 13; from 18 equal parts must be asked for by num_outputs.</summary>
static class SplitUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        new("Split", 13, node => OpsetChanges.MoveToInput(node, "split", 1)),
        new("Split", 18, node =>
        {
            if (node.Input(1) is null)
                node.Set("num_outputs", node.Outputs.Count);
        }),
    ];
}
