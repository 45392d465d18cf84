using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// LRP-QViT's clipped reparameterization (arXiv 2401.11243, equations 12 to 17): only channels whose scale s_c or zero point z_c lies more than
    /// λ = 1 standard deviations from the mean over the channels move, to that bound s̃, z̃: r₁ = s/s̃, r₂ = z − z̃,
    /// x' = (x + s·r₂)/r₁, W' = W·r₁, b' = b − W·(s·r₂).
    /// </summary>
    /// <remarks>
    /// Stated with the range in place of s and z, s·(2^b − 1) = max − min and z/(2^b − 1) = −min/(max − min), so that it serves every bit-width.
    /// The paper keeps one activation quantizer a channel behind it; one a tensor still sees ranges that differ by what λ leaves.
    /// λ is "a set number" in the paper; 1 is the tightest of the plausible ones.
    /// </remarks>
    public static EquivalentTransformation ClippedReparameterization { get; } = new ClippedReparameterizationTransformation();
}

sealed class ClippedReparameterizationTransformation : EquivalentTransformation
{
    const double Lambda = 1;

    public override string Name => "clipped-reparameterization";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => NormAffine.Needs(structure);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var norm in NormAffine.Suitable(structure))
        {
            var ranges = statistics[norm.Output.Name].Groups.Select(RangeSearch.Clip).ToArray();
            double[] width = [.. ranges.Select(r => r.Max - (double)r.Min)];
            if (width.Max() <= 0)
                continue;
            width = NormAffine.Bounded(width);
            double[] zero = [.. ranges.Select((r, c) => -r.Min / width[c])];
            double[] newWidth = Clip(width), newZero = Clip(zero);
            NormAffine.Apply(model, norm, [.. width.Select((w, c) => -w * (zero[c] - newZero[c]))], [.. width.Select((w, c) => w / newWidth[c])]);
        }
    }

    static double[] Clip(double[] values)
    {
        double mean = values.Average(), deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        // Widths stay positive where the deviation is above the mean: no value lies below the smallest.
        double low = Math.Max(mean - Lambda * deviation, values.Min());
        return [.. values.Select(v => Math.Clamp(v, low, mean + Lambda * deviation))];
    }
}
