using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>How the attention map is coded, the left operand of its product with the values; known ways are listed by <see cref="All"/>.</summary>
public abstract partial class MapQuantizer
{
    /// <summary>Every known way.</summary>
    public static IReadOnlyList<MapQuantizer> All => [Uniform, Log2, LogSqrt2, AdaLog, Twin, RowLog2, RowLogSqrt2, RowAdaLog];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>True when <see cref="Choose"/> needs the error of the context.</summary>
    public virtual bool NeedsContextError => false;

    /// <summary>The code of an attention's map.</summary>
    /// <param name="bits">2 to 8.</param>
    /// <param name="zero">What logarithmic codes make of the smallest values; uniform ones have a zero anyway.</param>
    /// <param name="contextError">Squared error ‖(Â − A)·V‖² that a code causes; null where it is not known, and not needed (<see cref="NeedsContextError"/>).</param>
    /// <exception cref="ArgumentException">The error is needed and not given.</exception>
    public MapCode Choose(int bits, ZeroState zero, Func<MapCode, double>? contextError = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        if (NeedsContextError && contextError is null)
            throw new ArgumentException($"Map quantizer '{Name}' needs the error of the context.", nameof(contextError));
        return ChooseCore(bits, zero, contextError);
    }

    /// <summary>Does the work.</summary>
    protected abstract MapCode ChooseCore(int bits, ZeroState zero, Func<MapCode, double>? contextError);
}
