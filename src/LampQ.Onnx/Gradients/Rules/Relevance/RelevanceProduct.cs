namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Relevance through matrix products. A layer x·W: only terms x·w ≥ 0 take part, Z = x⁺w⁺ + x⁻w⁻, S = R/Z, R_x = x⁺∘(S·w⁺ᵀ) + x⁻∘(S·w⁻ᵀ); a Gemm's bias takes
    /// none. A product of two activations A·B: S = R/(A·B), R_A = ½·A∘(S·Bᵀ), R_B = ½·B∘(Aᵀ·S).
    /// </summary>
    public static BackwardRule RelevanceProduct { get; } = new RelevanceProductRule();
}

sealed class RelevanceProductRule : RelevanceRule
{
    public override IReadOnlyList<string> Operators => ["MatMul", "Gemm"];

    public override bool Carries(Node node, int input) => input < 2 && base.Carries(node, input);

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        bool isGemm = step.Node.Is("Gemm"), transA = isGemm && step.Node.Int("transA") != 0, transB = isGemm && step.Node.Int("transB") != 0;
        if (step.SizesOf(0).Length < 2 || step.SizesOf(1).Length < 2)
            throw step.Unsupported("one of its operands is a vector; relevance covers matrices");
        if (isGemm && step.Node.Float("alpha", 1) <= 0)
            throw step.Unsupported("its alpha is not positive");
        Value Operand(int i, bool transposed) => transposed ? emit.TransposeMatrix(step.Input(i)) : step.Input(i);
        Value a = Operand(0, transA), b = Operand(1, transB);
        Value Back(Value relevance, bool transposed) => transposed ? emit.TransposeMatrix(relevance) : relevance;

        if (step.ConstantOf(0) is null && step.ConstantOf(1) is null)
        {
            var share = emit.Mul(Share(emit, step.Incoming, emit.MatMul(a, b)), .5);
            step.Give(0, () => Back(emit.Mul(a, emit.MatMul(share, emit.TransposeMatrix(b))), transA));
            step.Give(1, () => Back(emit.Mul(b, emit.MatMul(emit.TransposeMatrix(a), share)), transB));
            return;
        }
        var (a1, a2) = Signs(emit, a);
        var (b1, b2) = Signs(emit, b);
        var s = Share(emit, step.Incoming, emit.Add(emit.MatMul(a1, b1), emit.MatMul(a2, b2)));
        step.Give(0, () => Back(emit.Add(emit.Mul(a1, emit.MatMul(s, emit.TransposeMatrix(b1))), emit.Mul(a2, emit.MatMul(s, emit.TransposeMatrix(b2)))), transA));
        step.Give(1, () => Back(emit.Add(emit.Mul(b1, emit.MatMul(emit.TransposeMatrix(a1), s)), emit.Mul(b2, emit.MatMul(emit.TransposeMatrix(a2), s))), transB));
    }
}
