namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = the largest of each window: g goes to that element, shared equally where several are largest. GlobalMaxPool likewise.</summary>
    public static BackwardRule MaxPool { get; } = new MaxPoolRule();
}

sealed class MaxPoolRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["MaxPool", "GlobalMaxPool"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        long[] sizes = step.SizesOf(0);
        if (step.Node.Is("GlobalMaxPool"))
        {
            long[] axes = [.. Enumerable.Range(2, sizes.Length - 2).Select(i => (long)i)];
            step.Give(0, () => Share(emit, emit.Equal(step.Input(0), step.Node.Output), step.Incoming, axes));
            return;
        }
        var windows = Windows.Of(step.Node, step.Node.Ints("kernel_shape")!);
        step.Give(0, () =>
        {
            long[] positions = [sizes[0], sizes[1], 1, windows.OutputCount];
            // Padding is never the largest, but must stay finite: the patches are made by a product with zeros and ones.
            var patches = windows.Gather(emit, step.Input(0), outside: -1e30);
            var chosen = emit.Equal(patches, emit.Reshape(step.Node.Output, positions));
            return windows.Scatter(emit, Share(emit, chosen, emit.Reshape(step.Incoming, positions), [2]));
        });
    }

    static Value Share(GraphEmitter emit, Value chosen, Value g, long[] axes)
    {
        var ones = emit.Cast(chosen, g.Type);
        return emit.Mul(ones, emit.Div(g, emit.ReduceSum(ones, axes)));
    }
}
