using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>The rows of the table, in order.</summary>
static class Rows
{
    public static IEnumerable<(string Name, QuantizationOptions Options)> All
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
            yield return ("paper, uniform 4", Uniform(4) with { Profile = QuantizationProfile.Paper });
            foreach (var metric in Metrics)
                yield return ($"paper, 4 on average, {metric.Name}", new QuantizationOptions { TargetBits = 4, Metric = metric, Profile = QuantizationProfile.Paper });
        }
    }

    static IEnumerable<SensitivityMetric> Metrics => SensitivityMetric.All;

    static QuantizationOptions Uniform(int bits) => new() { Method = AllocationMethod.Uniform, UniformBits = bits };
}
