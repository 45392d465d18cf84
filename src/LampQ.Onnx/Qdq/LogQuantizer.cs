using System.Globalization;

namespace LampQ.Onnx;

/// <summary>
/// Logarithmic codes with base 2^<paramref name="Exponent"/>: u = round(−log₂(clamp((x + shift)/scale, 0, 1)) / exponent), x̂ = scale·2^(−u·exponent) − shift for the levels
/// u = 0, 1, …; what lies below the last one is <paramref name="Zero"/>'s. Exponent 1 is log2 (FQ-ViT, arXiv 2111.13824), ½ is log-√2 (RepQ-ViT, arXiv 2212.08254, section 3.4),
/// q/37 is AdaLog (arXiv 2407.12951, section 3.2).
/// </summary>
/// <param name="Scale">The largest value, shift included; positive.</param>
/// <param name="Exponent">log₂ of the base, positive.</param>
/// <param name="Shift">Added before the logarithm and taken off again, so that x ≥ −shift can be coded; AdaLog takes the depth of GELU.</param>
/// <param name="Bits">2 to 8.</param>
/// <param name="Zero">What happens to values below the smallest level.</param>
/// <remarks>
/// AdaLog leaves the shift in x̂ and subtracts Ŵ·shift·1 from the bias behind: the same number. Here the table of values holds it, so that bias and
/// quantizer do not depend on each other, whatever compensation makes of either. AdaLog's rounding of the table to k + 1 bits, which is for integer hardware, is left out. Levels below scale·1e-30 are never reached.
/// </remarks>
public sealed record LogQuantizer(float Scale, double Exponent, float Shift, int Bits, ZeroState Zero) : ActivationQuantizer
{
    // Far below every level that matters, and far above where a float loses digits.
    const float Smallest = 1e-30f;

    /// <inheritdoc/>
    public override int Bits { get; } = Bits;

    /// <inheritdoc/>
    public override IReadOnlyList<float> Values
    {
        get
        {
            var values = new float[LastCode + 1];
            for (int code = 0; code <= LastCode; code++)
                values[code] = (Zero != ZeroState.None && code == LastCode ? 0 : (float)(Scale * Math.Pow(2, -code * Exponent))) - Shift;
            return values;
        }
    }

    /// <inheritdoc/>
    public override int CodeOf(float x)
    {
        float clipped = Math.Clamp(Shift == 0 ? x : x + Shift, Floor, Scale);
        return (int)MathF.Round(MathF.Log(clipped) * Factor + Offset, MidpointRounding.ToEven);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> Parameters =>
    [
        .. Shift == 0 ? [] : new[] { ("shift", Tensor.Scalar(Shift)) },
        ("floor", Tensor.Scalar(Floor)), ("scale", Tensor.Scalar(Scale)), ("factor", Tensor.Scalar(Factor)), ("offset", Tensor.Scalar(Offset)), ("values", Tensor.Of([.. Values])),
    ];

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"log, {Bits} bits, base 2^{Exponent:G4}, scale {Scale:G4}, shift {Shift:G4}, zero {Zero}");

    /// <summary>[Add shift →] Clip → Log → Mul → Add → Round → Cast → Gather of the values.</summary>
    private protected override Value EmitCore(Steps steps, Func<string, Value> parameter)
    {
        var shifted = Shift == 0 ? steps.X : steps.Do("Add", [steps.X, parameter("shift")], "shifted");
        var clipped = steps.Do("Clip", [shifted, parameter("floor"), parameter("scale")], "clipped");
        var scaled = steps.Do("Mul", [steps.Do("Log", [clipped], "log"), parameter("factor")], "scaled");
        var rounded = steps.Do("Round", [steps.Do("Add", [scaled, parameter("offset")], "level")], "rounded");
        var code = steps.Do("Cast", [rounded], "code", ElementType.Int32, ("to", (long)ElementType.Int32));
        return steps.Do("Gather", [parameter("values"), code], "dequantized");
    }

    int LastCode => Zero == ZeroState.Extra ? 1 << Bits : (1 << Bits) - 1;

    // Clipped there, a value's level is that of the last code at most, and no second clip is needed.
    float Floor => Math.Max(Scale * (float)Math.Pow(2, -LastCode * Exponent), Scale * Smallest);

    float Factor => (float)(-1 / (Math.Log(2) * Exponent));

    float Offset => (float)(Math.Log2(Scale) / Exponent);
}
