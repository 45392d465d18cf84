namespace LampQ.Onnx;

public abstract partial class Loss
{
    /// <summary>
    /// KL(p_ref ‖ p) = Σ p_ref·(log p_ref − log p) with p = softmax(logits), logits [B, .., C]; the extra input <c>reference</c> holds
    /// the probabilities p_ref, of the logits' shape. Derivative: p·Σp_ref − p_ref.
    /// </summary>
    /// <remarks>A probability of 0 in p_ref counts 0. Where p_ref = p the derivative is zero: the loss has its minimum there.</remarks>
    public static Loss KullbackLeibler { get; } = new KullbackLeiblerLoss();
}

sealed class KullbackLeiblerLoss : Loss
{
    public override string Name => "kl";

    protected override int MinimumRank => 2;

    protected override LossHead AttachCore(GraphEmitter emit, Value output)
    {
        long[] sizes = GraphEmitter.Sizes(output);
        long axis = sizes.Length - 1;
        var reference = emit.Input("reference", output.Type, sizes);
        var logP = emit.Map("LogSoftmax", output, ("axis", axis));
        // 0·log 0 is 0 here: where the reference is 0, its logarithm is replaced by that of 1.
        var logReference = emit.Map("Log", emit.Where(emit.Greater(reference, 0), reference, emit.Number(1, output.Type)));
        var loss = SumPerSample(emit, emit.Mul(reference, emit.Sub(logReference, logP)));
        return new LossHead(loss, emit.Sub(emit.Mul(emit.Map("Exp", logP), emit.ReduceSum(reference, [axis])), reference), [reference]);
    }
}
