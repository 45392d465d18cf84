using System.Globalization;

namespace LampQ.Onnx;

/// <summary>
/// Two uniform regions with a step each: below <paramref name="Split"/> x̂ = Δ₁·clamp(round(x/Δ₁), low₁, high₁), from it on x̂ = Δ₂·clamp(round(x/Δ₂), low₂, high₂). One bit of a code
/// says the region (PTQ4ViT's twin uniform quantization, arXiv 2111.12293, section 3.2, and with Δ₂ = 2^m·Δ₁ the region-wise one of TSPTQ-ViT and MPTQ-ViT).
/// </summary>
/// <param name="Lower">The region below the split.</param>
/// <param name="Upper">The region from the split on.</param>
/// <param name="Split">The border; each region is asked only for values on its side.</param>
/// <param name="Bits">2 to 8.</param>
public sealed record TwinQuantizer(UniformRegion Lower, UniformRegion Upper, float Split, int Bits) : ActivationQuantizer
{
    /// <inheritdoc/>
    public override int Bits { get; } = Bits;

    /// <inheritdoc/>
    public override IReadOnlyList<float> Values => [.. Lower.Values, .. Upper.Values];

    /// <inheritdoc/>
    public override int CodeOf(float x) => x < Split ? Lower.CodeOf(x) - Lower.First : Lower.Count + Upper.CodeOf(x) - Upper.First;

    /// <inheritdoc/>
    public override float Apply(float x) => x < Split ? Lower.Apply(x) : Upper.Apply(x);

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> Parameters =>
    [
        ("split", Tensor.Scalar(Split)),
        ("lower_step", Tensor.Scalar(Lower.Step)), ("lower_min", Tensor.Scalar((float)Lower.First)), ("lower_max", Tensor.Scalar((float)Lower.Last)),
        ("upper_step", Tensor.Scalar(Upper.Step)), ("upper_min", Tensor.Scalar((float)Upper.First)), ("upper_max", Tensor.Scalar((float)Upper.Last)),
    ];

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"twin, {Bits} bits, {Lower} below {Split:G4}, {Upper} from there");

    /// <summary>Div → Round → Clip → Mul with either step, and Where between them.</summary>
    private protected override Value EmitCore(Steps steps, Func<string, Value> parameter)
    {
        Value Region(string name)
        {
            var rounded = steps.Do("Round", [steps.Do("Div", [steps.X, parameter($"{name}_step")], $"{name}_scaled")], $"{name}_rounded");
            var code = steps.Do("Clip", [rounded, parameter($"{name}_min"), parameter($"{name}_max")], $"{name}_code");
            return steps.Do("Mul", [code, parameter($"{name}_step")], name);
        }
        var below = steps.Do("Less", [steps.X, parameter("split")], "below", ElementType.Bool);
        return steps.Do("Where", [below, Region("lower"), Region("upper")], "dequantized");
    }
}

/// <summary>Codes <paramref name="First"/> to <paramref name="Last"/> of one step: x̂ = step·clamp(round(x/step), first, last), half to even.</summary>
public readonly record struct UniformRegion(float Step, int First, int Last)
{
    /// <summary>Number of codes.</summary>
    public int Count => Last - First + 1;

    /// <summary>x̂ of every code.</summary>
    public IEnumerable<float> Values
    {
        get
        {
            for (int code = First; code <= Last; code++)
                yield return code * Step;
        }
    }

    /// <summary>The code of a value.</summary>
    public int CodeOf(float x) => (int)Math.Clamp(MathF.Round(x / Step, MidpointRounding.ToEven), First, Last);

    /// <summary>The value after rounding to a code and back.</summary>
    public float Apply(float x) => Step * CodeOf(x);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{First}..{Last} times {Step:G4}");
}
