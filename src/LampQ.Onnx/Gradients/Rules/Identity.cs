namespace LampQ.Onnx;

public abstract partial class BackwardRule
{
    /// <summary>y = x: ∂x = g. Dropout is one, outside of training. A Cast between floating types converts g back; one of rounded numbers to integers (the codes of a quantizer) hands it on.</summary>
    public static BackwardRule Identity { get; } = new IdentityRule();
}

sealed class IdentityRule : BackwardRule
{
    public override IReadOnlyList<string> Operators => ["Identity", "Dropout", "Cast"];

    public override bool Accepts(Value output) => base.Accepts(output) || GatherRule.IsCode(output);

    protected override void ApplyCore(BackwardStep step)
    {
        if (step.Node.Is("Dropout") && step.Node.Input(2) is not null && step.ConstantOf(2)?.ToIntegers() is not [0])
            throw step.Unsupported("it drops values at random (training_mode); export the model for inference");
        step.Give(0, () => step.Emit.Cast(step.Incoming, step.Input(0).Type));
    }
}
