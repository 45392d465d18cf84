namespace LampQ.Quantization;

public abstract partial class ErrorCompensation
{
    /// <summary>Every weight is rounded to nearest.</summary>
    public static ErrorCompensation None { get; } = new NoCompensation();
}

sealed class NoCompensation : ErrorCompensation
{
    public override string Name => "none";

    public override bool NeedsMoments => false;

    protected override CompensatedWeights CompensateCore(LayerProblem problem) => new(Round(problem), problem.Bias);
}
