using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>The rows of the table, in order.</summary>
static class Rows
{
    /// <summary>Metrics and allocations against each other, weights rounded to nearest.</summary>
    public static IEnumerable<(string Name, QuantizationOptions Options)> All => Allocations.Select(r => (r.Name, ToNearest(r.Options)));

    /// <summary>Weights rounded to nearest, one scale a row and no zero points: what metrics and kernels are compared with.</summary>
    public static QuantizationOptions ToNearest(QuantizationOptions options) => options with { Compensation = ErrorCompensation.None, WeightQuantizer = WeightQuantizer.Mse };

    static IEnumerable<(string Name, QuantizationOptions Options)> Allocations
    {
        get
        {
            yield return ("cpu, uniform 8", Uniform(8));
            foreach (int bits in (int[])[4, 3])
            {
                yield return ($"cpu, uniform {bits}", Uniform(bits));
                foreach (var metric in Metrics)
                    yield return ($"cpu, {bits} on average, {metric.Name}", new QuantizationOptions { TargetBits = bits, Metric = metric });
            }
            yield return ("paper, uniform 4", Uniform(4) with { Profile = QuantizationProfile.Paper, AttentionBits = 8 });
            foreach (var metric in Metrics)
                yield return ($"paper, 4 on average, {metric.Name}", new QuantizationOptions { TargetBits = 4, Metric = metric, Profile = QuantizationProfile.Paper, AttentionBits = 8 });
        }
    }

    static SensitivityMetric[] Metrics => [SensitivityMetric.KlDamage, SensitivityMetric.FisherDamage, SensitivityMetric.TypeAwareFisher];

    static QuantizationOptions Uniform(int bits) => new() { Method = AllocationMethod.Uniform, UniformBits = bits };
}
