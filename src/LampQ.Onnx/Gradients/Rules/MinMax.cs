namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = the smallest (Min) or largest (Max) of x₁ … xₙ, with broadcasting: ∂xᵢ = g where xᵢ is it, else 0; the first of equals takes all.</summary>
    public static BackwardRule MinMax { get; } = new MinMaxRule();
}

sealed class MinMaxRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Min", "Max"];

    protected override void ApplyCore(BackwardStep step)
    {
        var emit = step.Emit;
        Value? taken = null;
        for (int i = 0; i < step.Node.Inputs.Count; i++)
        {
            var equal = emit.Equal(step.Input(i), step.Node.Output);
            var chosen = taken is null ? equal : emit.And(equal, emit.Not(taken));
            step.Give(i, () => emit.WhereElseZero(chosen, step.Incoming));
            taken = taken is null ? equal : emit.Node("Or", [taken, equal], ElementType.Bool, GraphEmitter.Sizes(step.Node.Output));
        }
    }
}
