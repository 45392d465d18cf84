namespace LampQ.Onnx;

/// <summary>Slice takes starts, ends and axes as inputs from opset 10.</summary>
static class SliceUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("Slice", 10, Upgrade)];

    static void Upgrade(Node node)
    {
        OpsetChanges.MoveToInput(node, "starts", 1);
        OpsetChanges.MoveToInput(node, "ends", 2);
        OpsetChanges.MoveToInput(node, "axes", 3);
    }
}
