namespace LampQ.Quantization;

public abstract partial class ErrorCompensation
{
    /// <summary>
    /// Weights are rounded to nearest, and the bias takes the mean of the error: b̂ = E y − Ŵ·E x̂, which is b − E[Ŵ·x̂ − W·x] (VT-PTQ, arXiv 2106.14156).
    /// </summary>
    public static ErrorCompensation BiasCorrection { get; } = new BiasCorrectionOnly();
}

sealed class BiasCorrectionOnly : ErrorCompensation
{
    public override string Name => "bias-correction";

    protected override CompensatedWeights CompensateCore(LayerProblem problem)
    {
        var weights = Round(problem);
        return new CompensatedWeights(weights, problem.Bias is null ? null : problem.Moments.BestBias(weights.Dequantize()));
    }
}
