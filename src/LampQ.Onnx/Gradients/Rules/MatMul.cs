namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>Y = A·B over the last two axes, the others broadcast: ∂A = G·Bᵀ, ∂B = Aᵀ·G, each summed over the axes it was broadcast along.</summary>
    /// <remarks>A vector A counts as one row, a vector B as one column. For one matrix B and a stack A, ∂B is a single product over all rows of the stack.</remarks>
    public static BackwardRule MatMul { get; } = new MatMulRule();
}

sealed class MatMulRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["MatMul"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        long[] left = step.SizesOf(0), right = step.SizesOf(1);
        long[] leftMatrix = left.Length == 1 ? [1, left[0]] : left, rightMatrix = right.Length == 1 ? [right[0], 1] : right;
        var a = emit.Reshape(step.Input(0), leftMatrix);
        var b = emit.Reshape(step.Input(1), rightMatrix);
        long[] stack = GraphEmitter.Broadcast(leftMatrix.AsSpan()[..^2], rightMatrix.AsSpan()[..^2]);
        var g = emit.Reshape(step.Incoming, [.. stack, leftMatrix[^2], rightMatrix[^1]]);
        step.Give(0, () => emit.Reshape(emit.SumTo(emit.MatMul(g, emit.TransposeMatrix(b)), leftMatrix), left));
        step.Give(1, () =>
        {
            if (rightMatrix.Length > 2)
                return emit.Reshape(emit.SumTo(emit.MatMul(emit.TransposeMatrix(a), g), rightMatrix), right);
            long rows = leftMatrix[..^1].Aggregate(1L, (product, d) => product * d);
            var flat = emit.MatMul(emit.TransposeMatrix(emit.Reshape(a, rows, leftMatrix[^1])), emit.Reshape(g, rows, rightMatrix[^1]));
            return emit.Reshape(flat, right);
        });
    }
}
