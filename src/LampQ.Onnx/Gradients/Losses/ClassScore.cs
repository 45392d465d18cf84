namespace LampQ.Onnx;

public abstract partial class Loss
{
    /// <summary>
    /// The logit of one class, logits [B, .., C]; the extra input <c>labels</c> int64 [B, ..] names it. Derivative: onehot(label), which is
    /// also where relevance starts.
    /// </summary>
    public static Loss ClassScore { get; } = new ClassScoreLoss();
}

sealed class ClassScoreLoss : Loss
{
    public override string Name => "class-score";

    protected override int MinimumRank => 2;

    protected override LossHead AttachCore(GraphEmitter emit, Value output)
    {
        long[] sizes = GraphEmitter.Sizes(output);
        var labels = emit.Input("labels", ElementType.Int64, sizes[..^1]);
        var target = emit.OneHot(labels, sizes[^1], sizes.Length - 1, output.Type);
        return new LossHead(SumPerSample(emit, emit.Mul(target, output)), target, [labels]);
    }
}
