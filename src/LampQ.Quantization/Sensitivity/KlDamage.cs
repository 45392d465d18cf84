namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// Direct damage: D_i(b) = mean over samples of KL(p ‖ p̂) with only group i at b bits. Replaces Ω, α and γ^−b at once and
    /// counts what saturates and what the input quantizer does.
    /// </summary>
    public static SensitivityMetric KlDamage { get; } = new KlDamageMetric();
}

sealed class KlDamageMetric : SensitivityMetric
{
    // Between two measured widths the logarithm of the damage is close to a line, and from 4 bits on error power falls by about 4 a bit (Lemma 3),
    // so two widths serve all seven: the measurement is what a run spends most of its time on.
    static readonly int[] Measured = [2, 4];
    const double FallPerBit = 4;

    public override string Name => "kl-damage";

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        using var measurement = new DamageMeasurement(context);
        int[] widths = [.. Measured.Where(b => b >= context.Bits[0] && b <= context.Bits[^1])];
        if (widths.Length == 0 || widths[0] > context.Bits[0])
            widths = [context.Bits[0], .. widths];
        var result = new List<GroupSensitivity>();
        foreach (var group in context.Groups)
        {
            var measured = widths.ToDictionary(b => b, b => Math.Max(measurement.Of(group, b), 1e-12));
            result.Add(new GroupSensitivity(group.Name, measured[widths[0]], context.Bits.ToDictionary(b => b, b => At(b, widths, measured))));
            context.Progress?.Invoke(result.Count, context.Groups.Count);
        }
        return result;
    }

    static double At(int bits, int[] widths, Dictionary<int, double> measured)
    {
        if (measured.TryGetValue(bits, out double known))
            return known;
        int below = widths.LastOrDefault(w => w < bits), above = widths.FirstOrDefault(w => w > bits);
        if (above == 0)
            return measured[below] * Math.Pow(FallPerBit, below - bits);
        double share = (double)(bits - below) / (above - below);
        return Math.Exp((1 - share) * Math.Log(measured[below]) + share * Math.Log(measured[above]));
    }
}
