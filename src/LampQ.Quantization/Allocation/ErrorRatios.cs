namespace LampQ.Quantization;

/// <summary>
/// Lemma 3 of LampQ: how the squared error of a product of quantized factors changes with one bit, ρ(B) = E L^(B−1) / E L^(B), for W, X ~ N(0, 1).
/// </summary>
public static class ErrorRatios
{
    // L relative to one bit, B = 1..8: the paper's table (LampQ, AAAI-26, section "error-based iterative bit update").
    static readonly double[] RelativeError = [1, 1.209e-2, 1.835e-3, 3.903e-4, 9.093e-5, 2.199e-5, 5.339e-6, 1.324e-6];

    /// <summary>The factor by which the error grows from <paramref name="bits"/> to one bit less, 2 to 8 bits.</summary>
    public static double Rho(int bits) => RelativeError[bits - 2] / RelativeError[bits - 1];

    /// <summary>Error at a width relative to that at 1 bit, 1 to 8 bits.</summary>
    public static double Relative(int bits) => RelativeError[bits - 1];
}
