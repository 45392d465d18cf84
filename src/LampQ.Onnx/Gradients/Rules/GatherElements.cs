namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y[.., j, ..] = x[.., indices[.., j, ..], ..] along an axis: ∂x[.., i, ..] = Σ over j of g[.., j, ..] where the index is i.</summary>
    /// <remarks>Before opset 16 ScatterElements cannot add, so a one-hot tensor of indices × size stands in for it.</remarks>
    public static BackwardRule GatherElements { get; } = new GatherElementsRule();
}

sealed class GatherElementsRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["GatherElements"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        var emit = step.Emit;
        var g = step.Incoming;
        long[] sizes = step.SizesOf(0), taken = step.SizesOf(1);
        int axis = step.Axis(step.Node.Int("axis"), sizes.Length);
        if (emit.Opset >= 16)
            return emit.ScatterElements(emit.Filled(0, g.Type, sizes), step.Input(1), g, axis, add: true);
        long[] inserted = [.. taken[..axis], 1, .. taken[axis..]];
        var places = emit.OneHot(step.Input(1), sizes[axis], axis, g.Type);
        var summed = emit.ReduceSum(emit.Mul(places, emit.Reshape(g, inserted)), [axis + 1], keepDims: false);
        long[] missing = [.. sizes.Zip(GraphEmitter.Sizes(summed), (whole, part) => whole - part)];
        return emit.Pad(summed, new long[sizes.Length], missing);
    });
}
