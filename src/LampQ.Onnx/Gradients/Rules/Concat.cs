namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = the inputs one behind the other along an axis: ∂xᵢ = the part of g at xᵢ's place.</summary>
    public static BackwardRule Concat { get; } = new ConcatRule();
}

sealed class ConcatRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Concat"];

    protected override void ApplyCore(BackwardStep step)
    {
        int axis = step.Axis(step.Node.Int("axis"), GraphEmitter.Sizes(step.Node.Output).Length);
        long start = 0;
        for (int i = 0; i < step.Node.Inputs.Count; i++)
        {
            long at = start, count = step.SizesOf(i)[axis];
            step.Give(i, () => step.Emit.Slice(step.Incoming, axis, at, count));
            start += count;
        }
    }
}
