namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x[start : end : step] along some axes: ∂x = g at the places taken, zeros elsewhere.</summary>
    public static BackwardRule Slice { get; } = new SliceRule();
}

sealed class SliceRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Slice"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        long[] sizes = step.SizesOf(0), taken = GraphEmitter.Sizes(step.Node.Output);
        long[] starts = step.ConstantIntegers(1)!;
        long[] axes = step.ConstantIntegers(3) ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        long[] strides = step.ConstantIntegers(4) ?? [.. Enumerable.Repeat(1L, starts.Length)];
        var g = step.Incoming;
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = step.Axis(axes[i], sizes.Length);
            long size = sizes[axis], start = starts[i] < 0 ? starts[i] + size : starts[i];
            // A start outside is moved to the nearest element, as the operator does.
            start = Math.Clamp(start, 0, strides[i] < 0 ? size - 1 : size);
            g = strides[i] == 1
                ? step.Emit.PadTo(g, axis, start, size)
                : Placement.Spread(step.Emit, g, axis, [.. Enumerable.Range(0, (int)taken[axis]).Select(j => start + j * strides[i])], size);
        }
        return g;
    });
}
