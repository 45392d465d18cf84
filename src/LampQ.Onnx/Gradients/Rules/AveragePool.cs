namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// y = the mean of each window: every element of a window gets g/count, where padding counts only with count_include_pad.
    /// GlobalAveragePool: ∂x = g/pixels.
    /// </summary>
    public static BackwardRule AveragePool { get; } = new AveragePoolRule();
}

sealed class AveragePoolRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["AveragePool", "GlobalAveragePool"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        long[] sizes = step.SizesOf(0);
        if (step.Node.Is("GlobalAveragePool"))
        {
            step.Give(0, () => emit.Expand(emit.Mul(step.Incoming, 1.0 / sizes[2..].Aggregate(1L, (product, d) => product * d)), sizes));
            return;
        }
        var windows = Windows.Of(step.Node, step.Node.Ints("kernel_shape")!);
        step.Give(0, () =>
        {
            var counts = emit.Numbers(Counts(step.Node, windows, sizes[2..]), step.Input(0).Type, [.. windows.Output]);
            long[] positions = [sizes[0], sizes[1], 1, windows.OutputCount];
            var shares = emit.Reshape(emit.Div(step.Incoming, counts), positions);
            return windows.Scatter(emit, emit.Expand(shares, sizes[0], sizes[1], windows.KernelCount, windows.OutputCount));
        });
    }

    /// <summary>Elements that count in each window: a product over the axes of the elements inside the input (or inside its stated padding).</summary>
    static float[] Counts(Node node, Windows windows, long[] sizes)
    {
        int axes = sizes.Length;
        bool includePad = node.Int("count_include_pad") != 0;
        long[] pads = node.Ints("pads") ?? new long[2 * axes];
        float[] counts = [1];
        for (int axis = 0; axis < axes; axis++)
        {
            long low = includePad ? -windows.FrontPads[axis] : 0, high = sizes[axis] + (includePad ? pads[axes + axis] : 0);
            var along = new float[windows.Output[axis]];
            for (long o = 0; o < along.Length; o++)
                for (long k = 0; k < windows.Kernel[axis]; k++)
                {
                    long at = o * windows.Strides[axis] + k * windows.Dilations[axis] - windows.FrontPads[axis];
                    along[o] += at >= low && at < high ? 1 : 0;
                }
            counts = [.. counts.SelectMany(c => along.Select(a => c * a))];
        }
        return counts;
    }
}
