namespace LampQ.Onnx;

public abstract partial class Loss
{
    /// <summary>
    /// −log softmax(logits)[label], logits [B, .., C]; the extra input <c>labels</c> int64 [B, ..] names the classes.
    /// Derivative: softmax(logits) − onehot(label).
    /// </summary>
    public static Loss NegativeLogLikelihood { get; } = new NegativeLogLikelihoodLoss(ofOwnPrediction: false);

    /// <summary><see cref="NegativeLogLikelihood"/> of the class the model itself finds most likely (the first of equals); no extra input.</summary>
    public static Loss NegativeLogLikelihoodOfPrediction { get; } = new NegativeLogLikelihoodLoss(ofOwnPrediction: true);
}

sealed class NegativeLogLikelihoodLoss(bool ofOwnPrediction) : Loss
{
    public override string Name => ofOwnPrediction ? "nll-of-prediction" : "nll";

    protected override int MinimumRank => 2;

    protected override LossHead AttachCore(GraphEmitter emit, Value output)
    {
        long[] sizes = GraphEmitter.Sizes(output);
        int axis = sizes.Length - 1;
        var labels = ofOwnPrediction
            ? emit.Node("ArgMax", [output], ElementType.Int64, sizes[..^1], ("axis", (long)axis), ("keepdims", 0L))
            : emit.Input("labels", ElementType.Int64, sizes[..^1]);
        var target = emit.OneHot(labels, sizes[^1], axis, output.Type);
        // The last axis means the same in every opset: before 13 softmax ran over all axes from the given one on.
        var logP = emit.Map("LogSoftmax", output, ("axis", (long)axis));
        return new LossHead(emit.Neg(SumPerSample(emit, emit.Mul(target, logP))), emit.Sub(emit.Map("Exp", logP), target), ofOwnPrediction ? [] : [labels]);
    }
}
