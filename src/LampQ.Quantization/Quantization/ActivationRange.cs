using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>How the clipping range of what goes into a layer is chosen; known ways are listed by <see cref="All"/>.</summary>
public abstract partial class ActivationRange
{
    /// <summary>Every known way.</summary>
    public static IReadOnlyList<ActivationRange> All => [MinMax, Percentile, Mse, Entropy, OutputMse, Progressive];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>True when <see cref="Choose"/> needs the error at the layer's output.</summary>
    public virtual bool NeedsOutputError => false;

    /// <summary>The asymmetric quantizer of an activation; its range contains 0.</summary>
    /// <param name="values">The values seen.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="outputError">Squared error a quantizer causes at the outputs of the layers that use the activation; null where it is not known, and not needed (<see cref="NeedsOutputError"/>).</param>
    /// <remarks>Values that are all equal are represented exactly, whatever the way.</remarks>
    /// <exception cref="ArgumentException">The output error is needed and not given.</exception>
    public AffineQuantizer Choose(Histogram values, int bits, Func<AffineQuantizer, double>? outputError = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        if (NeedsOutputError && outputError is null)
            throw new ArgumentException($"Range '{Name}' needs the error at the layer's output.", nameof(outputError));
        return values.Total == 0 || values.BinWidth == 0 ? AffineQuantizer.OfRange(values.Min, values.Max, bits) : ChooseCore(values, bits, outputError);
    }

    /// <summary>Does the work; the values are not all equal.</summary>
    protected abstract AffineQuantizer ChooseCore(Histogram values, int bits, Func<AffineQuantizer, double>? outputError);
}
