using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class GeluQuantizer
{
    /// <summary>One bit for the sign: negative values with the fixed step 0.16997/2^(bits−1), the others with a searched one (PTQ4ViT, arXiv 2111.12293, section 3.2).</summary>
    public static GeluQuantizer Twin { get; } = new TwinGelu();

    /// <summary>
    /// One bit for the sign, the steps of both sides tied by a power of two, Δ₊ = 2^m·Δ₋, m from 0 to 15 by the error (MPTQ-ViT's OPT-m, arXiv 2401.14895, in the reading of
    /// docs/decisions/0017-activation-quantizers.md).
    /// </summary>
    public static GeluQuantizer Region { get; } = new RegionGelu();
}

sealed class TwinGelu : GeluQuantizer
{
    public override string Name => "twin";

    protected override float Least => -Depth;

    protected override ActivationQuantizer ChooseCore(Histogram values, int bits, RangeChoice choice) =>
        choice.Best(values, SignRegions.UpperSteps(values, bits).Select(step => SignRegions.Of(Depth / (1 << (bits - 1)), step, bits)));
}

sealed class RegionGelu : GeluQuantizer
{
    const int LargestPower = 15;

    public override string Name => "region";

    protected override ActivationQuantizer ChooseCore(Histogram values, int bits, RangeChoice choice) => choice.Best(values,
        from step in SignRegions.UpperSteps(values, bits) from m in Enumerable.Range(0, LargestPower + 1) select SignRegions.Of(step / (1 << m), step, bits), finalists: 16);
}

/// <summary>Codes whose first bit is the sign: −2^(bits−1) to −1 with one step, 0 to 2^(bits−1) − 1 with another.</summary>
static class SignRegions
{
    public static TwinQuantizer Of(float lowerStep, float upperStep, int bits)
    {
        int half = 1 << (bits - 1);
        // The 0 of the lower side is the 0 of the upper one: no code more.
        return new TwinQuantizer(new(lowerStep, -half, 0), new(upperStep, 0, half - 1), 0, bits);
    }

    /// <summary>Steps under which the largest value is coded, and smaller ones that clip it.</summary>
    public static IEnumerable<float> UpperSteps(Histogram values, int bits)
    {
        float most = Math.Max(values.Max, 0) / ((1 << (bits - 1)) - 1);
        for (float factor = 1; factor > 0.2f; factor -= 0.02f)
            yield return most > 1e-20f ? most * factor : 1;
    }
}
