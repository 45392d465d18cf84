namespace LampQ.Onnx;

public abstract partial class Loss
{
    /// <summary>
    /// Σ cotangent·output: its gradients are vector–Jacobian products. The extra input <c>cotangent</c> has the output's shape and is
    /// the derivative itself.
    /// </summary>
    public static Loss InnerProduct { get; } = new InnerProductLoss();
}

sealed class InnerProductLoss : Loss
{
    public override string Name => "inner-product";

    protected override LossHead AttachCore(GraphEmitter emit, Value output)
    {
        var cotangent = emit.Input("cotangent", output.Type, GraphEmitter.Sizes(output));
        return new LossHead(SumPerSample(emit, emit.Mul(cotangent, output)), cotangent, [cotangent]);
    }
}
