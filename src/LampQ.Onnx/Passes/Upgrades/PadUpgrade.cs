namespace LampQ.Onnx;

/// <summary>Pad takes pads and fill value as inputs from opset 11. Axes (18) and wrapping (19) are additions.</summary>
static class PadUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } = [new("Pad", 11, Upgrade)];

    static void Upgrade(Node node)
    {
        OpsetChanges.MoveToInput(node, "pads", 1);
        if (node.Attribute("value") is null)
            return;
        node.SetInput(2, OpsetChanges.ScalarLikeInput(node, "value", node.Float("value")));
        node.Unset("value");
    }
}
