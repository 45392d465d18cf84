using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// LampQ's metric: Ω_i = α(type)·tr(F_i), α(t) = A(t) / mean trace of the layers of type t it was measured on, and Ω_i^(B) = γ^(−B)·Ω_i
    /// (LampQ, AAAI-26, "type-aware Fisher-based metric").
    /// </summary>
    /// <remarks>A(t) is the mean KL damage of μ layers of the type, each alone at β bits: an accuracy drop over 32 images has steps of three points
    /// and is often 0, which would make whole types free.</remarks>
    public static SensitivityMetric TypeAwareFisher { get; } = new TypeAwareFisherMetric();
}

sealed class TypeAwareFisherMetric : SensitivityMetric
{
    public override string Name => "type-aware-fisher";

    public override bool FollowsRoundingError => false;

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        var options = context.Options.Fisher;
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        var traces = FisherTraces.Measure(context.Calibration.Model, layers, context.Samples, context.Options.Run, context.Cancellation);
        double TraceOf(AllocationGroup group) => group.Layers.Sum(l => traces[l.Name]);

        var alpha = new Dictionary<LayerType, double>();
        using var damage = new DamageMeasurement(context);
        foreach (var type in context.Groups.GroupBy(g => g.Type))
        {
            var chosen = Spread([.. type], options.Mu);
            double meanTrace = chosen.Average(TraceOf);
            alpha[type.Key] = meanTrace <= 0 ? 0 : chosen.Average(g => damage.Of(g, options.Beta)) / meanTrace;
        }
        return [.. context.Groups.Select(group =>
        {
            double omega = alpha[group.Type] * TraceOf(group);
            return new GroupSensitivity(group.Name, omega, context.Bits.ToDictionary(b => b, b => omega * ErrorAt(group, b, context)));
        })];
    }

    /// <summary>The error of a width relative to that of β bits, so that Ω is the damage at β.</summary>
    static double ErrorAt(AllocationGroup group, int bits, SensitivityContext context)
    {
        var options = context.Options.Fisher;
        if (options.UseWeightError)
            return WeightError(group, bits, context) / WeightError(group, options.Beta, context);
        return options.Gamma is { } gamma ? Math.Pow(gamma, options.Beta - bits) : ErrorRatios.Relative(bits) / ErrorRatios.Relative(options.Beta);
    }

    static double WeightError(AllocationGroup group, int bits, SensitivityContext context) => group.Layers.Sum(layer =>
        Math.Max(System.Numerics.Tensors.TensorPrimitives.SumOfSquares<float>(context.Quantizers.WeightError(layer, bits)), 1e-30));

    static AllocationGroup[] Spread(AllocationGroup[] groups, int count) => count >= groups.Length ? groups
        : [.. Enumerable.Range(0, count).Select(i => groups[(int)((i + 0.5) * groups.Length / count)])];
}
