namespace LampQ.Runtime;

/// <summary>
/// An activation of the form g(v) = max(v, 0) − h(|v|): GELU and its two approximations, v·(a sigmoid of v), are of this form because
/// their sigmoids add up to 1 at v and −v. h is small and falls to 0, so 32 polynomials of degree 4 hold it.
/// </summary>
/// <remarks>
/// t = min(|v|·(32/range), the float below 32), i = ⌊t⌋, f = t − i, h = (((c4·f + c3)·f + c2)·f + c1)·f + c0 by fma with the coefficients of
/// interval i. They interpolate h at the Chebyshev points of the interval, in double precision and from + − × ÷ alone, so every platform has the same floats.
/// </remarks>
sealed partial class GatedActivation
{
    /// <summary>Polynomials.</summary>
    public const int Intervals = 32;

    /// <summary>Coefficients of a polynomial.</summary>
    public const int Coefficients = 5;

    /// <summary>What t is held to: the largest float below 32.</summary>
    public const float LargestT = 31.999998f;

    /// <summary>v·Φ(v). h within 3e-8.</summary>
    public static GatedActivation Gelu { get; } = new("gelu", 6.4, a => a * NormalTail(a));

    /// <summary>v/2·(1 + tanh(√(2/π)·(v + 0.044715·v³))).</summary>
    public static GatedActivation GeluTanh { get; } = new("gelu-tanh", 6.4, a => a / (1 + Exp(2 * 0.79788456080286535588 * (a + 0.044715 * a * a * a))));

    /// <summary>v·σ(1.702·v). Its sigmoid falls slowly, so intervals are wider: h within 5e-7.</summary>
    public static GatedActivation QuickGelu { get; } = new("quick-gelu", 11.2, a => a / (1 + Exp(1.702 * a)));

    /// <summary>max(v, 0): h is 0.</summary>
    public static GatedActivation Relu { get; } = new("relu", 1, _ => 0);

    readonly AlignedArray<float> table = new(Coefficients * Intervals);

    GatedActivation(string name, double range, Func<double, double> h)
    {
        (Name, Scale) = (name, (float)(Intervals / range));
        for (int i = 0; i < Intervals; i++)
        {
            double[] c = Interpolate(f => h((i + f) * range / Intervals));
            for (int degree = 0; degree < Coefficients; degree++)
                table[degree * Intervals + i] = (float)c[degree];
        }
    }

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GatedActivation> All() => [Gelu, GeluTanh, QuickGelu, Relu];

    /// <summary>The value of the attribute <c>activation</c>.</summary>
    public string Name { get; }

    /// <summary>Intervals per unit of |v|.</summary>
    public float Scale { get; }

    /// <summary>[degree][interval], 64-byte aligned.</summary>
    public unsafe float* Table => table.Pointer;

    /// <summary>The activation an attribute names; null for <c>none</c>.</summary>
    /// <exception cref="InvalidDataException">No activation has the name.</exception>
    public static GatedActivation? Parse(string name) =>
        name == "none" ? null : All().FirstOrDefault(a => a.Name == name)
            ?? throw new InvalidDataException($"activation is '{name}'; none, {string.Join(", ", All().Select(a => a.Name))} are known.");

    /// <summary>The definition of g.</summary>
    public float Apply(float v)
    {
        float t = MathF.Abs(v) * Scale;
        t = t < LargestT ? t : LargestT;
        int i = (int)t;
        float f = t - i, h = table[4 * Intervals + i];
        for (int degree = 3; degree >= 0; degree--)
            h = MathF.FusedMultiplyAdd(h, f, table[degree * Intervals + i]);
        return (v > 0 ? v : 0) - h;
    }

    /// <summary>Coefficients in f of the polynomial that equals <paramref name="h"/> at the five Chebyshev points of 0 to 1.</summary>
    static double[] Interpolate(Func<double, double> h)
    {
        // (1 + cos(π·(2j + 1)/10))/2
        double[] x = [0.97552825814757679, 0.79389262614623657, 0.5, 0.20610737385376343, 0.024471741852423214];
        double[] d = [.. x.Select(h)];
        for (int order = 1; order < x.Length; order++)
            for (int j = x.Length - 1; j >= order; j--)
                d[j] = (d[j] - d[j - 1]) / (x[j] - x[j - order]);
        // Newton's form, multiplied out.
        double[] c = new double[x.Length];
        for (int j = x.Length - 1; j >= 0; j--)
        {
            for (int k = x.Length - 1; k > 0; k--)
                c[k] = c[k - 1] - x[j] * c[k];
            c[0] = d[j] - x[j] * c[0];
        }
        return c;
    }

    /// <summary>1 − Φ(a) for 0 ≤ a ≤ 7: 1/2 − φ(a)·(a + a³/3 + a⁵/(3·5) + …) (Marsaglia, "Evaluating the Normal Distribution", 2004, section 3).</summary>
    static double NormalTail(double a)
    {
        double term = a, sum = a;
        for (int n = 3; term > sum * 1e-18; n += 2)
            sum += term *= a * a / n;
        return 0.5 - sum * Exp(-a * a / 2) * 0.39894228040143267794;
    }

    /// <summary>eˣ from its series at x/1024, squared ten times; Math.Exp differs from platform to platform.</summary>
    static double Exp(double x)
    {
        // What is far below 1 would be left with the errors of the 1.
        if (x < 0)
            return 1 / Exp(-x);
        double y = x / 1024, term = 1, less = 0;
        for (int n = 1; n < 20; n++)
            less += term *= y / n;
        // (1 + s)² − 1 = 2s + s²
        for (int i = 0; i < 10; i++)
            less = 2 * less + less * less;
        return 1 + less;
    }
}
