namespace LampQ.Runtime;

/// <summary>The order in which floats are added: element i goes to lane i mod lanes, then the lanes are halved, l and l + lanes/2, until one is left.</summary>
static class LanedSum
{
    /// <summary>The definition: Σ x[i] for i below <paramref name="count"/>, or Σ fma(x, x) when <paramref name="squares"/>.</summary>
    public static float Of(Func<int, float> x, int count, int lanes, bool squares = false)
    {
        var sums = new float[lanes];
        for (int i = 0; i < count; i++)
            sums[i % lanes] = squares ? MathF.FusedMultiplyAdd(x(i), x(i), sums[i % lanes]) : sums[i % lanes] + x(i);
        for (int half = lanes / 2; half > 0; half /= 2)
            for (int lane = 0; lane < half; lane++)
                sums[lane] += sums[lane + half];
        return sums[0];
    }
}
