namespace LampQ.Onnx;

public abstract partial class Loss
{
    /// <summary>Σ (output − target)²; the extra input <c>target</c> has the output's shape. Derivative: 2·(output − target).</summary>
    public static Loss SquaredError { get; } = new SquaredErrorLoss();
}

sealed class SquaredErrorLoss : Loss
{
    public override string Name => "squared-error";

    protected override LossHead AttachCore(GraphEmitter emit, Value output)
    {
        var target = emit.Input("target", output.Type, GraphEmitter.Sizes(output));
        var difference = emit.Sub(output, target);
        return new LossHead(SumPerSample(emit, emit.Square(difference)), emit.Mul(difference, 2), [target]);
    }
}
