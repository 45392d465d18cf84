using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// RepQ-ViT's reparameterization (arXiv 2212.08254, section 3.2) carried over from LayerNorm to V: v'_c = (v_c − m_c)·s̄/s_c, s_c the step of the 2^b levels of least squared error of channel c,
    /// m_c the level of code 2^(b−1), s̄ the mean of all steps; W_v and its bias take it. Rows of the attention map sum to 1, so the context moves in the same way, and proj undoes both: W'_proj = W_proj·s/s̄ (by column), b' = b + W_proj·m.
    /// </summary>
    /// <remarks>V and the input of proj then have one range in all channels. Without a bias in both layers, or with a factor between them, channels are scaled and not moved.</remarks>
    public static EquivalentTransformation ValueReparameterization { get; } = new ValueReparameterizationTransformation();
}

sealed class ValueReparameterizationTransformation : EquivalentTransformation
{
    public override string Name => "value-reparameterization";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) =>
        AttentionRows.WithProj(structure).DistinctBy(a => a.V.Output.Name).ToDictionary(a => a.V.Output.Name, _ => Grouping.Channel);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var attention in AttentionRows.WithProj(structure))
        {
            // A transformation before this one may have added a bias behind V, which then bears another name; its values are the same.
            var v = statistics.TryGetValue(attention.V.Output.Name, out var found) ? found : statistics[attention.V.Node.Output.Name];
            // Head by head, as the channel maps are.
            var levels = attention.VChannels.Cast<int>().Select(n => EqualLevels.Of(v.Groups[n], bits)).ToArray();
            double mean = levels.Average(l => l.Step);
            if (!(mean > 0))
                continue;
            double[] steps = NormAffine.Bounded([.. levels.Select(l => l.Step)]);
            int At(int h, int c) => h * attention.HeadSize + c;
            double Factor(int h, int c) => steps[At(h, c)] / mean;
            bool moves = attention is { MovesValuesOnly: true, V.Bias: not null, Proj.Bias: not null };
            Func<int, int, double>? shift = moves ? (h, c) => levels[At(h, c)].Middle : null;
            AttentionRows.ScaleRows(attention.V, attention.VChannels, Factor, shift);
            AttentionRows.ScaleColumns(attention.Proj!, attention.ProjChannels!, Factor, shift);
        }
    }
}
