namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = the k largest or smallest of x along an axis: ∂x = g at their places, zeros elsewhere. The second output, the places, has no derivative.</summary>
    public static BackwardRule TopK { get; } = new TopKRule();
}

sealed class TopKRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["TopK"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        long[] sizes = step.SizesOf(0);
        int axis = step.Axis(step.Node.Int("axis", -1), sizes.Length);
        var places = step.Node.Outputs.ElementAtOrDefault(1) ?? throw step.Unsupported("its second output (the indices) has no name; give it one");
        return step.Emit.ScatterElements(step.Emit.Filled(0, step.Incoming.Type, sizes), places, step.Incoming, axis);
    });
}
