namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x with constant numbers around it: ∂x = the inner part of g; where a negative pad cut x, zeros.</summary>
    public static BackwardRule Pad { get; } = new PadRule();
}

sealed class PadRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Pad"];

    protected override void ApplyCore(BackwardStep step)
    {
        if (step.Node.String("mode", "constant") is not "constant" and var mode)
            throw step.Unsupported($"its mode is '{mode}'; only 'constant' is covered");
        step.Give(0, () =>
        {
            int rank = step.SizesOf(0).Length;
            long[] pads = step.ConstantIntegers(1)!;
            long[] axes = step.ConstantIntegers(3) ?? [.. Enumerable.Range(0, rank).Select(i => (long)i)];
            long[] before = new long[rank], after = new long[rank];
            for (int i = 0; i < axes.Length; i++)
            {
                int axis = step.Axis(axes[i], rank);
                (before[axis], after[axis]) = (-pads[i], -pads[axes.Length + i]);
            }
            return step.Emit.Pad(step.Incoming, before, after);
        });
    }
}
