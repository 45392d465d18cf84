using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// RepQ-ViT's scale reparameterization (arXiv 2212.08254, section 3.2): every channel c of a LayerNorm output moves into one common range,
    /// x'_c = (x_c − m_c)·r̄/r_c with m_c the middle and r_c the half width of its range, r̄ the mean of all r_c;
    /// γ' = γ·r̄/r, β' = (β − m)·r̄/r, and in every layer behind it W' = W·r/r̄ (by column), b' = b + W·m.
    /// </summary>
    /// <remarks>The paper states it with scales and zero points of a given bit-width; with the range itself one transformation serves every bit-width.
    /// Norms whose output is used by anything but linear layers, or whose layers cannot take a bias, stay as they are.</remarks>
    public static EquivalentTransformation LayerNormReparameterization { get; } = new LayerNormReparameterizationTransformation();
}

sealed class LayerNormReparameterizationTransformation : EquivalentTransformation
{
    // A channel that hardly moves would be blown up without bound, and with it the rounding of the float product behind it.
    const double SmallestShareOfMean = 1e-2;

    public override string Name => "layernorm-reparameterization";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) =>
        Suitable(structure).ToDictionary(n => n.Output.Name, _ => Grouping.Channel);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics)
    {
        foreach (var norm in Suitable(structure))
        {
            var groups = statistics[norm.Output.Name].Groups;
            int channels = groups.Count;
            var middle = new double[channels];
            var half = new double[channels];
            for (int c = 0; c < channels; c++)
            {
                var range = RangeSearch.Clip(groups[c]);
                middle[c] = (range.Max + (double)range.Min) / 2;
                half[c] = (range.Max - (double)range.Min) / 2;
            }
            double mean = half.Average();
            if (mean <= 0)
                continue;
            var factor = half.Select(h => Math.Max(h, SmallestShareOfMean * mean) / mean).ToArray();

            var gamma = norm.Gamma.Constant!.ToFloats();
            var beta = norm.Beta?.Constant!.ToFloats() ?? new float[channels];
            LinearWeights.Replace(norm.GammaUse.Node, norm.GammaUse.Index, Tensor.Of([.. gamma.Select((g, c) => (float)(g / factor[c]))], [.. norm.Gamma.Constant.Shape]));
            var newBeta = Tensor.Of([.. beta.Select((b, c) => (float)((b - middle[c]) / factor[c]))]);
            if (norm.BetaUse is { } use)
                LinearWeights.Replace(use.Node, use.Index, newBeta.Reshape([.. norm.Beta!.Constant!.Shape]));
            else
                norm.GammaUse.Node.SetInput(2, model.Graph.AddInitializer($"{norm.Output.Name}.beta", newBeta));

            foreach (var layer in norm.Consumers)
            {
                var weight = layer.ReadWeight();
                var bias = layer.ReadBias();
                for (int n = 0; n < layer.OutputChannels; n++)
                {
                    double shift = 0;
                    for (int c = 0; c < channels; c++)
                    {
                        shift += weight[n * channels + c] * middle[c];
                        weight[n * channels + c] = (float)(weight[n * channels + c] * factor[c]);
                    }
                    bias[n] = (float)(bias[n] + shift);
                }
                layer.WriteWeight(weight);
                layer.WriteBias(bias);
            }
        }
    }

    static IEnumerable<LayerNorm> Suitable(ModelStructure structure) => structure.Norms.Where(n =>
        n.FeedsOnlyLayers && n.Consumers.Count > 0 && n.Consumers.All(l => !l.Node.Is("Conv") && (l.BiasAdd is not null || l.Node.Is("Gemm") || !l.Output.IsGraphOutput))
        && (n.BetaUse is not null || n.GammaUse.Node.Is("LayerNormalization")));
}
