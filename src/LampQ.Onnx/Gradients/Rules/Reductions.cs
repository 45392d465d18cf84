namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// y = a reduction of x over axes; g and y broadcast back over them. ReduceSum: ∂x = g. ReduceMean: g/n. ReduceMax, ReduceMin: g, shared
    /// equally by the elements that are y. ReduceL1: g·sign(x). ReduceL2: g·x/y, 0 where y = 0. ReduceSumSquare: 2·g·x. ReduceLogSumExp: g·exp(x − y).
    /// </summary>
    public static BackwardRule Reductions { get; } = new ReductionsRule();
}

sealed class ReductionsRule : BackwardRule
{
    public override IReadOnlyList<string> Operators =>
        ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        var x = step.Input(0);
        long[] sizes = step.SizesOf(0), axes = Axes(step, sizes.Length);
        long[] kept = [.. sizes.Select((d, i) => axes.Contains(i) ? 1 : d)];
        Value g = emit.Reshape(step.Incoming, kept), y = emit.Reshape(step.Node.Output, kept);
        step.Give(0, () => step.Node.OpType switch
        {
            "ReduceSum" => emit.Expand(g, sizes),
            "ReduceMean" => emit.Expand(emit.Mul(g, 1.0 / axes.Aggregate(1L, (count, axis) => count * sizes[axis])), sizes),
            "ReduceL1" => emit.Mul(g, emit.Map("Sign", x)),
            "ReduceL2" => emit.Mul(emit.Div(g, emit.Where(emit.Greater(y, 0), y, emit.Number(1, y.Type))), x),
            "ReduceSumSquare" => emit.Mul(emit.Mul(g, 2), x),
            "ReduceLogSumExp" => emit.Mul(g, emit.Map("Exp", emit.Sub(x, y))),
            _ => Shared(emit, emit.Cast(emit.Equal(x, y), x.Type), g, axes),
        });
    }

    static Value Shared(GraphEmitter emit, Value chosen, Value g, long[] axes) => emit.Mul(chosen, emit.Div(g, emit.ReduceSum(chosen, axes)));

    /// <summary>The reduced axes: an attribute, or an input in later opsets; none given means all unless noop_with_empty_axes is set.</summary>
    internal static long[] Axes(BackwardStep step, int rank)
    {
        long[] axes = step.Node.Ints("axes") ?? step.ConstantIntegers(1) ?? [];
        if (axes.Length > 0)
            return [.. axes.Select(a => (long)step.Axis(a, rank))];
        return step.Node.Int("noop_with_empty_axes") != 0 ? [] : [.. Enumerable.Range(0, rank).Select(i => (long)i)];
    }
}
