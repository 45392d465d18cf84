namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = softmax(x): ∂x = y·(g − Σ g·y). y = log softmax(x): ∂x = g − eʸ·Σ g. Sums run over the normalised axes.</summary>
    /// <remarks>From opset 13 on that is one axis (default −1); before, all axes from the given one on (default 1).</remarks>
    public static BackwardRule Softmax { get; } = new SoftmaxRule();
}

sealed class SoftmaxRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Softmax", "LogSoftmax"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        Value y = step.Node.Output, g = step.Incoming;
        int rank = step.SizesOf(0).Length, axis = step.Axis(step.Node.Int("axis", emit.Opset >= 13 ? -1 : 1), rank);
        long[] axes = emit.Opset >= 13 ? [axis] : [.. Enumerable.Range(axis, rank - axis).Select(i => (long)i)];
        step.Give(0, () => step.Node.Is("Softmax")
            ? emit.Mul(y, emit.Sub(g, emit.ReduceSum(emit.Mul(g, y), axes)))
            : emit.Sub(g, emit.Mul(emit.Map("Exp", y), emit.ReduceSum(g, axes))));
    }
}
