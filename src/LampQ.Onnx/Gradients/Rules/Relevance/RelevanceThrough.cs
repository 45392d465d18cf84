namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>Relevance through activation functions, softmax and LayerNorm: unchanged, all of it to the first input.</summary>
    public static BackwardRule RelevanceThrough { get; } = new RelevanceThroughRule();
}

sealed class RelevanceThroughRule : RelevanceRule
{
    public override IReadOnlyList<string> Operators =>
        ["Gelu", "Relu", "LeakyRelu", "Elu", "Erf", "Tanh", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus", "Exp", "Sqrt", "Pow", "Clip", "Neg",
            "Softmax", "LayerNormalization", "BatchNormalization"];

    public override bool Carries(Node node, int input) => input == 0 && base.Carries(node, input);

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () => step.Incoming);
}
