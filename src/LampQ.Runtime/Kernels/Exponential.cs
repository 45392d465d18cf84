namespace LampQ.Runtime;

/// <summary>eᵗ for t ≤ 0, and 0 for t below −87 or NaN: eᵗ = 2ⁿ·eᶠ with n = rne(t·log₂e) and |f| ≤ ln 2/2.</summary>
/// <remarks>
/// f = fma(n, −ln 2's low part, fma(n, −ln 2's high part, t)); eᶠ is 1 + f + f²·q(f),
/// q of degree 4 equal to (eᶠ − 1 − f)/f² at five Chebyshev points (1.1e-8 off). n comes from the bits of fma(t, log₂e, 1.5·2²³), whose rounding is to integers, and 2ⁿ is added to the exponent: from −87 up every result is a normal number.
/// </remarks>
static class Exponential
{
    public const float Lowest = -87f, Log2E = 1.44269504f, Magic = 12582912f, MinusLn2High = -0.693359375f, MinusLn2Low = 2.12194440e-4f;

    public const float C6 = 1.39262131e-3f, C5 = 8.36320315e-3f, C4 = 4.16665561e-2f, C3 = 0.166665763f, C2 = 0.5f;

    /// <summary>The definition.</summary>
    public static float Of(float t)
    {
        if (!(t >= Lowest))
            return 0;
        float z = MathF.FusedMultiplyAdd(t, Log2E, Magic), n = z - Magic;
        float f = MathF.FusedMultiplyAdd(n, MinusLn2Low, MathF.FusedMultiplyAdd(n, MinusLn2High, t));
        float p = MathF.FusedMultiplyAdd(C6, f, C5);
        p = MathF.FusedMultiplyAdd(p, f, C4);
        p = MathF.FusedMultiplyAdd(p, f, C3);
        p = MathF.FusedMultiplyAdd(p, f, C2);
        p = MathF.FusedMultiplyAdd(p, f, 1);
        p = MathF.FusedMultiplyAdd(p, f, 1);
        return BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(p) + (BitConverter.SingleToInt32Bits(z) << 23));
    }
}
