using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>How what stands behind GELU is coded, the input of fc2: hardly anything below 0, all of it above −0.17, and a long tail; known ways are listed by <see cref="All"/>.</summary>
public abstract partial class GeluQuantizer
{
    /// <summary>−min GELU(x) = 0.16997…, at x = −0.7517…</summary>
    internal const float Depth = 0.16997124254703522f;

    /// <summary>Every known way.</summary>
    public static IReadOnlyList<GeluQuantizer> All => [Uniform, AdaLog, Twin, Region, Nearest];

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>The smallest value that can be coded.</summary>
    protected virtual float Least => float.NegativeInfinity;

    /// <summary>True where the smallest value seen can be coded; rounding and the tanh form of GELU reach a hair below −0.17.</summary>
    public bool Suits(float least) => least >= Least * 1.001f;

    /// <summary>The one kind for all widths of a layer: itself, but for <see cref="Nearest"/>, which chooses at the target width.</summary>
    public virtual GeluQuantizer KindFor(Histogram values, int bits, RangeChoice choice) => this;

    /// <summary>The quantizer of an activation.</summary>
    /// <param name="values">The values seen.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="choice">What is searched by, and what logarithmic codes make of the smallest values.</param>
    /// <remarks>Values that are all equal are represented exactly where the code has a level for them; the kind of quantizer is the same for all widths, but for <see cref="Nearest"/>.</remarks>
    /// <exception cref="ArgumentException">A value is too small to be coded; the message names the quantizers that can.</exception>
    public ActivationQuantizer Choose(Histogram values, int bits, RangeChoice choice)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        if (!Suits(values.Min))
            throw new ArgumentException($"Quantizer '{Name}' codes values from {Least:G4} on, but the activation reaches {values.Min:G4}: it is not behind a GELU. Choose {string.Join(" or ", All.Where(q => q.Suits(values.Min)).Select(q => q.Name))}.");
        return ChooseCore(values, bits, choice);
    }

    /// <summary>Does the work.</summary>
    protected abstract ActivationQuantizer ChooseCore(Histogram values, int bits, RangeChoice choice);
}

/// <summary>What quantizers of an activation are searched by.</summary>
/// <param name="Range">How a uniform range is chosen.</param>
/// <param name="Zero">What logarithmic codes make of the smallest values.</param>
/// <param name="OutputError">Squared error at the outputs of the layers that use the activation; null where it is not known.</param>
public sealed record RangeChoice(ActivationRange Range, ZeroState Zero = ZeroState.LastCode, Func<ActivationQuantizer, double>? OutputError = null)
{
    /// <summary>The best of some: by the error at the output where the range is chosen by it, from the <paramref name="finalists"/> that are best by the squared error of the activation itself.</summary>
    public T Best<T>(Histogram values, IEnumerable<T> candidates, int finalists = 8) where T : ActivationQuantizer
    {
        var ranked = candidates.Distinct().Select(q => (Quantizer: q, Error: RangeSearch.MeanSquaredError(values, q))).OrderBy(c => c.Error);
        return Range.NeedsOutputError && OutputError is not null ? ranked.Take(finalists).MinBy(c => OutputError(c.Quantizer)).Quantizer : ranked.First().Quantizer;
    }
}
