namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>Axis i of y is axis perm[i] of x (default: all reversed): ∂x = g under the inverse permutation.</summary>
    public static BackwardRule Transpose { get; } = new TransposeRule();
}

sealed class TransposeRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Transpose"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        int rank = step.SizesOf(0).Length;
        long[] permutation = step.Node.Ints("perm") ?? [.. Enumerable.Range(0, rank).Reverse().Select(i => (long)i)];
        long[] inverse = new long[rank];
        for (int i = 0; i < rank; i++)
            inverse[permutation[i]] = i;
        return step.Emit.Transpose(step.Incoming, inverse);
    });
}
