namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Y = X ∗ W + b with X [N, C, ..], W [M, C/groups, ..], Y [N, M, ..], any strides, pads, dilations: ∂X is the transposed convolution of G with W;
    /// ∂W = Σₙ Gₙ·patches(Xₙ)ᵀ, each group apart; ∂b = Σ G over samples and pixels.
    /// </summary>
    public static BackwardRule Conv { get; } = new ConvRule();
}

sealed class ConvRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Conv"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        var g = step.Incoming;
        long[] x = step.SizesOf(0), w = step.SizesOf(1);
        long groups = step.Node.Int("group", 1);
        var windows = Windows.Of(step.Node, w[2..]);
        step.Give(0, () => windows.TransposedConvolution(emit, g, step.Input(1), x[1], groups));
        step.Give(1, () =>
        {
            // [N, groups, C/groups·k, T] and [N, groups, M/groups, T]: the product over samples and positions at once.
            var patches = emit.Reshape(windows.Gather(emit, step.Input(0)), x[0], groups, w[1] * windows.KernelCount, windows.OutputCount);
            var outputs = emit.Reshape(g, x[0], groups, w[0] / groups, windows.OutputCount);
            long rows = x[0] * windows.OutputCount;
            var left = emit.Reshape(emit.Transpose(outputs, 1, 2, 0, 3), groups, w[0] / groups, rows);
            var right = emit.Reshape(emit.Transpose(patches, 1, 0, 3, 2), groups, rows, w[1] * windows.KernelCount);
            return emit.Reshape(emit.MatMul(left, right), w);
        });
        step.Give(2, () => emit.ReduceSum(g, [0, .. Enumerable.Range(2, w.Length - 2).Select(i => (long)i)], keepDims: false));
    }
}
