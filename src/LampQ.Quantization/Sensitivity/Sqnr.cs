namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// Signal to quantization noise of each layer's output: D_i(b) = 1/SQNR = E‖ŷ_i(b) − y_i‖² / E‖y_i‖²; in decibels SQNR is −10·log₁₀ D. Inverse ratios
    /// of the layers add up along the network (Lin, Talathi, Annapureddy, ICML 2016, arXiv 1511.06393, section 3), which is what the allocation needs.
    /// </summary>
    /// <remarks>No class score and no gradient enters: how much the model minds the noise of a layer is not asked.</remarks>
    public static SensitivityMetric Sqnr { get; } = new SqnrMetric();
}

sealed class SqnrMetric : SensitivityMetric
{
    public override string Name => "sqnr";

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        var noise = LayerNoise.Measure(context);
        return [.. context.Groups.Select(group =>
        {
            // q, k and v count as the one layer they are in models that fuse them.
            double signal = group.Layers.Sum(noise.Signal);
            var damage = context.Bits.ToDictionary(b => b, b => signal > 0 ? group.Layers.Sum(l => noise.Noise(l, b)) / signal : 0);
            return new GroupSensitivity(group.Name, damage[context.Bits[0]], damage);
        })];
    }
}
