namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>
    /// Y = α·A′·B′ + β·C with A′ = A or Aᵀ, B′ = B or Bᵀ: ∂A′ = α·G·B′ᵀ, ∂B′ = α·A′ᵀ·G, ∂C = β·G summed to C's shape;
    /// ∂A and ∂B are these or their transposes.
    /// </summary>
    public static BackwardRule Gemm { get; } = new GemmRule();
}

sealed class GemmRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Gemm"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        bool transA = step.Node.Int("transA") != 0, transB = step.Node.Int("transB") != 0;
        var g = step.Incoming;
        var scaled = emit.Mul(g, step.Node.Float("alpha", 1));
        Value a = step.Input(0), b = step.Input(1), t = emit.TransposeMatrix(scaled);
        step.Give(0, () => transA
            ? emit.MatMul(transB ? emit.TransposeMatrix(b) : b, t)
            : emit.MatMul(scaled, transB ? b : emit.TransposeMatrix(b)));
        step.Give(1, () => transB
            ? emit.MatMul(t, transA ? emit.TransposeMatrix(a) : a)
            : emit.MatMul(transA ? a : emit.TransposeMatrix(a), scaled));
        step.Give(2, () => emit.SumTo(emit.Mul(g, step.Node.Float("beta", 1)), step.SizesOf(2)));
    }
}
