namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x[.., indices, ..] along an axis: ∂x[.., i, ..] = the sum of g over all places where the index is i.</summary>
    public static BackwardRule Gather { get; } = new GatherRule();
}

sealed class GatherRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Gather"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        var emit = step.Emit;
        long[] sizes = step.SizesOf(0), indexShape = step.SizesOf(1);
        int axis = step.Axis(step.Node.Int("axis"), sizes.Length);
        long size = sizes[axis], count = indexShape.Aggregate(1L, (product, d) => product * d);
        var g = emit.Reshape(step.Incoming, [.. sizes[..axis], count, .. sizes[(axis + 1)..]]);
        if (step.ConstantOf(1) is { } constant)
            return Placement.Spread(emit, g, axis, [.. constant.ToIntegers().Select(i => i < 0 ? i + size : i)], size);
        // A one-hot matrix works in every opset and for repeated indices; OneHot counts negative ones from the end, as Gather does.
        return Placement.Spread(emit, g, axis, emit.OneHot(emit.Reshape(step.Input(1), count), size, 0, g.Type), size);
    });
}
