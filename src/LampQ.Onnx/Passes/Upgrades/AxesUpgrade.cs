namespace LampQ.Onnx;

/// <summary>Axes of Squeeze, Unsqueeze and the reductions move from an attribute to an input: in opset 13 for the first three, in 18 for the rest.</summary>
static class AxesUpgrade
{
    public static IEnumerable<OpsetChange> Changes { get; } =
    [
        .. new[] { "Squeeze", "Unsqueeze", "ReduceSum" }.Select(op => new OpsetChange(op, 13, MoveAxes)),
        .. new[] { "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare" }
            .Select(op => new OpsetChange(op, 18, MoveAxes)),
    ];

    static void MoveAxes(Node node) => OpsetChanges.MoveToInput(node, "axes", 1);
}
