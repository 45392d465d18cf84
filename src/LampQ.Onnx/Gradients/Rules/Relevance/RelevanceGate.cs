namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Relevance through a∘b, a/b and a − b, which are scales and the pieces of GELU and LayerNorm. A constant takes none. Of two activations, factors share equally
    /// (x·Φ(x) written out gives all of it back to x); numerator and minuend take all (x − mean, and that over its deviation).
    /// </summary>
    public static BackwardRule RelevanceGate { get; } = new RelevanceGateRule();
}

sealed class RelevanceGateRule : RelevanceRule
{
    public override IReadOnlyList<string> Operators => ["Mul", "Div", "Sub"];

    public override bool Carries(Node node, int input) =>
        base.Carries(node, input) && (input == 0 || node.Is("Mul") || node.Inputs[0]?.Constant is not null);

    protected override void ApplyCore(BackwardStep step)
    {
        bool shared = step.Node.Is("Mul") && step.ConstantOf(0) is null && step.ConstantOf(1) is null;
        for (int i = 0; i < 2; i++)
            step.Give(i, () => shared ? step.Emit.Mul(step.Incoming, .5) : step.Incoming);
    }
}
