namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>yᵢ = consecutive parts of x along an axis: ∂x = the gᵢ one behind the other, zeros for parts that do not lead to the loss.</summary>
    public static BackwardRule Split { get; } = new SplitRule();
}

sealed class SplitRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Split"];

    protected override void ApplyCore(BackwardStep step) => step.Give(0, () =>
    {
        int axis = step.Axis(step.Node.Int("axis"), step.SizesOf(0).Length);
        return step.Emit.Concat([.. step.Node.Outputs.Select((part, i) => step.ArrivedAt(i)
            ?? step.Emit.Filled(0, step.Input(0).Type, GraphEmitter.Sizes(part ?? throw step.Unsupported($"its output {i} has no name; give every part a name"))))], axis);
    });
}
