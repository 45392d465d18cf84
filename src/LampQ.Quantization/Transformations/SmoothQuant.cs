using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// SmoothQuant (arXiv 2211.10438, equation 4): ε_c = √(max|x_c| / max|W_:c|), x'_c = x_c/ε_c, W' = W·ε, so that half of the spread between
    /// channels moves from the activation into the weight. W is every layer behind the norm.
    /// </summary>
    public static EquivalentTransformation SmoothQuant { get; } = new SmoothQuantTransformation("smoothquant", centre: false);

    /// <summary>
    /// SQ-b, SmoothQuant with bias (MPTQ-ViT, arXiv 2401.14895): x'_c = (x_c − μ_c)/ε_c with μ_c the mean of the channel and
    /// ε_c = √(max|x_c − μ_c| / max|W_:c|); μ goes into the bias behind it, b' = b + W·μ.
    /// </summary>
    /// <remarks>Whether the paper takes the maximum before or after centring could not be read; after is what the quantizer sees.</remarks>
    public static EquivalentTransformation SmoothQuantWithBias { get; } = new SmoothQuantTransformation("smoothquant-bias", centre: true);
}

sealed class SmoothQuantTransformation(string name, bool centre) : EquivalentTransformation
{
    public override string Name => name;

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => NormAffine.Needs(structure);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var norm in NormAffine.Suitable(structure))
        {
            var channels = statistics[norm.Output.Name].Groups;
            double[] shift = [.. channels.Select(c => centre ? c.Mean() : 0)];
            var weightBounds = new double[channels.Count];
            foreach (var layer in norm.Consumers)
            {
                var weight = layer.ReadWeight();
                for (int i = 0; i < weight.Length; i++)
                    weightBounds[i % channels.Count] = Math.Max(weightBounds[i % channels.Count], Math.Abs(weight[i]));
            }
            // A column of zeros asks nothing of its channel, so the channel may be made as small as the others are.
            double least = weightBounds.Max() * 1e-4;
            if (least <= 0)
                continue;
            double[] factor = [.. channels.Select((c, i) => Math.Sqrt(Math.Max(c.Max - shift[i], shift[i] - c.Min) / Math.Max(weightBounds[i], least)))];
            if (factor.Max() > 0)
                NormAffine.Apply(model, norm, shift, NormAffine.Bounded(factor));
        }
    }
}
