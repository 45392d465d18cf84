namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>Relevance through a mean or a sum over axes: each element gets its part of the sum, R_x = x∘R/Σx.</summary>
    public static BackwardRule RelevanceMean { get; } = new RelevanceMeanRule();
}

sealed class RelevanceMeanRule : RelevanceRule
{
    public override IReadOnlyList<string> Operators => ["ReduceMean", "ReduceSum"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        var x = step.Input(0);
        long[] axes = ReductionsRule.Axes(step, step.SizesOf(0).Length), kept = [.. step.SizesOf(0).Select((d, i) => axes.Contains(i) ? 1 : d)];
        step.Give(0, () => emit.Mul(x, Share(emit, emit.Reshape(step.Incoming, kept), emit.ReduceSum(x, axes))));
    }
}
