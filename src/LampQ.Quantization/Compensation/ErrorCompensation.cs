using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// How the integers of a layer make up for the rounding of each other, and for what was quantized before them; known ways are listed by
/// <see cref="All"/> (docs/decisions/0011-error-compensation.md).
/// </summary>
public abstract partial class ErrorCompensation
{
    /// <summary>Every known way.</summary>
    public static IReadOnlyList<ErrorCompensation> All => [None, BiasCorrection, Gptq, Erq, RidgeGptq];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>True when the method looks at what goes into the layer.</summary>
    public virtual bool NeedsMoments => true;

    /// <summary>True when tokens count by how much the loss minds an error there (<see cref="TokenWeights"/>); false where the paper counts all alike.</summary>
    public virtual bool WeighsTokens => true;

    /// <summary>
    /// True when a layer is fitted to what the layers quantized before it make of the samples, and makes up for their errors; false where the paper fits each layer alone, to the float
    /// model's values behind the layer's own quantizer.
    /// </summary>
    public virtual bool FollowsEarlierLayers => true;

    /// <summary>Integers, scales and bias of one layer.</summary>
    /// <param name="problem">The float layer, its width, and what is known of its inputs and outputs.</param>
    /// <remarks>A layer whose inputs were always 0 is rounded to nearest: nothing is known that could be compensated.</remarks>
    /// <exception cref="ArgumentException">Weights, bias and moments do not belong to one layer.</exception>
    public CompensatedWeights Compensate(LayerProblem problem)
    {
        if (problem.Weight.Length != problem.Rows * problem.Columns || problem.Bias is { } bias && bias.Length != problem.Rows)
            throw new ArgumentException($"{problem.Weight.Length} weights and {problem.Bias?.Length ?? 0} biases do not form a layer of {problem.Moments.OutputChannels} x {problem.Moments.InputChannels}.", nameof(problem));
        return problem.Moments.MeanPower > 0 && problem.Moments.IsFinite ? CompensateCore(problem) : new CompensatedWeights(Round(problem), problem.Bias);
    }

    /// <summary>Does the work; the inputs of the layer are not all 0.</summary>
    protected abstract CompensatedWeights CompensateCore(LayerProblem problem);

    /// <summary>Rounds to nearest, with the scales of the problem's quantizer.</summary>
    protected static QuantizedWeights Round(LayerProblem problem) => problem.Quantizer.Quantize(problem.Weight, problem.Rows, problem.Bits, problem.InputPower);
}

/// <summary>One layer to be rounded.</summary>
public sealed record LayerProblem
{
    /// <summary>W, row-major [N, K].</summary>
    public required float[] Weight { get; init; }

    /// <summary>b [N]; null for a layer that has none and cannot be given one.</summary>
    public required float[]? Bias { get; init; }

    /// <summary>2 to 8.</summary>
    public required int Bits { get; init; }

    /// <summary>Width of what goes in, 2 to 8. Default 8.</summary>
    public int InputBits { get; init; } = 8;

    /// <summary>Chooses the scale of a row where the method does not.</summary>
    public required WeightQuantizer Quantizer { get; init; }

    /// <summary>What goes in and what should come out.</summary>
    public required LayerMoments Moments { get; init; }

    /// <summary>Σ ω·x̂² of each channel [K] where the quantizer asks for it, else empty.</summary>
    public float[] InputPower => Quantizer.NeedsInputPower && Moments.MeanPower > 0 ? Moments.Power() : [];

    /// <summary>N.</summary>
    public int Rows => Moments.OutputChannels;

    /// <summary>K.</summary>
    public int Columns => Moments.InputChannels;
}

/// <summary>A rounded layer.</summary>
/// <param name="Weights">Integers and scales.</param>
/// <param name="Bias">b [N] to go with them; null for a layer without.</param>
public sealed record CompensatedWeights(QuantizedWeights Weights, float[]? Bias);
