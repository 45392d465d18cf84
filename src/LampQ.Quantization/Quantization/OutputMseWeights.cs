namespace LampQ.Quantization;

public abstract partial class WeightQuantizer
{
    /// <summary>
    /// The scale of least error at the layer's output, Σ_k p_k·(w_k − ŵ_k)² with p_k = Σ ω·x̂_k² the weighted power of input channel k: the diagonal of the Hessian. The compensation
    /// provides p; without it this is <see cref="Mse"/>.
    /// </summary>
    public static WeightQuantizer OutputMse { get; } = new OutputMseWeights();
}

sealed class OutputMseWeights : WeightQuantizer
{
    public override string Name => "output-mse";

    public override bool NeedsInputPower => true;

    protected override WeightGrid GridCore(ReadOnlySpan<float> row, int bits, ReadOnlySpan<float> inputPower) => LeastErrorGrid(row, bits, inputPower);
}
