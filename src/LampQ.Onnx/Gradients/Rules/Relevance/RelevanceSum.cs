namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Relevance through a + b. A constant is a bias and takes none. Of two activations each first gets a∘R/(a + b), then both are scaled, sample by sample, so that
    /// their totals stand to each other as |Σ| did and together are ΣR.
    /// </summary>
    /// <remarks>A position embedding is a constant too, so the patches get all of what their sum got.</remarks>
    public static BackwardRule RelevanceSum { get; } = new RelevanceSumRule();
}

sealed class RelevanceSumRule : RelevanceRule
{
    public override IReadOnlyList<string> Operators => ["Add"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        if (step.ConstantOf(0) is not null || step.ConstantOf(1) is not null)
        {
            step.Give(0, () => step.Incoming);
            step.Give(1, () => step.Incoming);
            return;
        }
        var share = Share(emit, step.Incoming, step.Node.Output);
        Value[] parts = [emit.Mul(step.Input(0), share), emit.Mul(step.Input(1), share)];
        long[] axes = [.. Enumerable.Range(1, GraphEmitter.Sizes(share).Length - 1).Select(i => (long)i)];
        var sums = Array.ConvertAll(parts, p => emit.ReduceSum(p, axes));
        var sizes = Array.ConvertAll(sums, s => emit.Map("Abs", s));
        var total = Share(emit, emit.ReduceSum(step.Incoming, axes), emit.Add(sizes[0], sizes[1]));
        for (int i = 0; i < 2; i++)
        {
            int part = i;
            step.Give(part, () => emit.Mul(parts[part], Share(emit, emit.Mul(sizes[part], total), sums[part])));
        }
    }
}
