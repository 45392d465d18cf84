using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace LampQ.Quantization;

/// <summary>
/// Second moments of a layer over its tokens t with weights ω_t: A = Σ ω·x̃·x̃ᵀ [K+1, K+1] and B = Σ ω·y·x̃ᵀ [N, K+1], where x̃ = [x̂; 1], x̂ is what goes into
/// the quantized layer, and y is what should come out, the float layer's output. They say the weighted squared error of any weights and bias.
/// </summary>
/// <param name="outputChannels">N.</param>
/// <param name="inputChannels">K.</param>
public sealed class LayerMoments(int outputChannels, int inputChannels)
{
    double squares;

    /// <summary>N.</summary>
    public int OutputChannels => outputChannels;

    /// <summary>K.</summary>
    public int InputChannels => inputChannels;

    /// <summary>A, row-major [K+1, K+1]; the last row and column belong to the constant 1.</summary>
    public float[] Gram { get; } = new float[(inputChannels + 1) * (inputChannels + 1)];

    /// <summary>B, row-major [N, K+1].</summary>
    public float[] Target { get; } = new float[outputChannels * (inputChannels + 1)];

    /// <summary>Mean over the channels of Σ ω·x̂².</summary>
    public double MeanPower => Power().Average(p => (double)p);

    /// <summary>Σ ω·x̂² of each channel [K], the diagonal of A.</summary>
    public float[] Power() => [.. Enumerable.Range(0, inputChannels).Select(k => Gram[k * (inputChannels + 2)])];

    /// <summary>False where a sum overflowed.</summary>
    public bool IsFinite => float.IsFinite(TensorPrimitives.Sum<float>(Gram)) && float.IsFinite(TensorPrimitives.Sum<float>(Target));

    /// <summary>(Σ ω)²/Σ ω², Kish's effective number of tokens: as many of equal weight would say as much. Below K the moments leave directions open, and what fits them fits only these tokens.</summary>
    public double EffectiveTokens => squares > 0 ? (double)Gram[^1] * Gram[^1] / squares : 0;

    /// <summary>K over the effective number of tokens: how little the moments say of each channel. 0 without tokens.</summary>
    public double Scarcity => EffectiveTokens > 0 ? inputChannels / EffectiveTokens : 0;

    /// <summary>Adds A and B of more tokens.</summary>
    /// <param name="gram">A.</param>
    /// <param name="target">B.</param>
    /// <param name="squaredWeights">Σ ω² of these tokens; null where every ω is 1.</param>
    public void Add(ReadOnlySpan<float> gram, ReadOnlySpan<float> target, double? squaredWeights = null)
    {
        squares += squaredWeights ?? gram[^1];
        TensorPrimitives.Add(Gram, gram, Gram);
        TensorPrimitives.Add(Target, target, Target);
    }

    /// <summary>Σ ω·x̂·x̂ᵀ [K, K].</summary>
    public Matrix<double> Second() => Matrix<double>.Build.Dense(inputChannels, inputChannels, (i, j) => Gram[i * (inputChannels + 1) + j]);

    /// <summary>Σ ω·y·x̂ᵀ [N, K].</summary>
    public Matrix<double> Cross() => Matrix<double>.Build.Dense(outputChannels, inputChannels, (n, k) => Target[n * (inputChannels + 1) + k]);

    /// <summary>Mean input E x̂ [K].</summary>
    public Vector<double> MeanInput() => Vector<double>.Build.Dense(inputChannels, k => Gram[inputChannels * (inputChannels + 1) + k] / (double)Gram[^1]);

    /// <summary>Mean wanted output E y [N].</summary>
    public Vector<double> MeanOutput() => Vector<double>.Build.Dense(outputChannels, n => Target[n * (inputChannels + 1) + inputChannels] / (double)Gram[^1]);

    /// <summary>The bias of least squared error for given weights: b = E y − Ŵ·E x̂.</summary>
    public float[] BestBias(ReadOnlySpan<float> weight)
    {
        var (x, y) = (MeanInput(), MeanOutput());
        var bias = new float[outputChannels];
        for (int n = 0; n < outputChannels; n++)
        {
            double sum = y[n];
            for (int k = 0; k < inputChannels; k++)
                sum -= weight[n * inputChannels + k] * x[k];
            bias[n] = (float)sum;
        }
        return bias;
    }
}
