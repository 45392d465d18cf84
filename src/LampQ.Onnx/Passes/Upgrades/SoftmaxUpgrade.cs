namespace LampQ.Onnx;

/// <summary>
/// Softmax, LogSoftmax and Hardmax up to opset 12 flatten the input to a matrix at the axis (default 1) and work on whole
/// rows; from 13 they work along one axis (default −1). The two agree when the axis is the last one.
/// </summary>
static class SoftmaxUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
        [new("Softmax", 13, Upgrade), new("LogSoftmax", 13, Upgrade), new("Hardmax", 13, Upgrade)];

    static void Upgrade(Node node)
    {
        var x = node.Input(0)!;
        long axis = node.Int("axis", 1);
        if (axis == -1 || x.Shape is { } shape && (axis < 0 ? axis + shape.Count : axis) == shape.Count - 1)
        {
            node.Set("axis", -1);
            return;
        }
        var graph = node.Graph;
        string name = node.Output.Name;
        var flat = graph.Emit("Flatten", [x], name + "_flat", ("axis", axis));
        var rows = graph.Emit(node.OpType, [flat], name + "_rows", ("axis", -1));
        graph.Replace(node, "Reshape", rows, graph.Emit("Shape", [x], name + "_shape"));
    }
}
