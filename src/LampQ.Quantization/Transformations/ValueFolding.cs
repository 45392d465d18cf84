using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>One scale a head for V, as RepQ-ViT and AdaLog quantize it: the rows of W_v (and its bias) of head h are divided by its scale relative to a common one, and the columns of W_proj take it.</summary>
    public static EquivalentTransformation ValueFolding { get; } = new ValueFoldingTransformation();
}

sealed class ValueFoldingTransformation : EquivalentTransformation
{
    public override string Name => "value-folding";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) =>
        AttentionRows.WithProj(structure).DistinctBy(a => a.Context.Input(1)!.Name).ToDictionary(a => a.Context.Input(1)!.Name, _ => Grouping.Head);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var attention in AttentionRows.WithProj(structure))
        {
            var v = AttentionRows.HeadFactors(statistics[attention.Context.Input(1)!.Name]);
            AttentionRows.ScaleRows(attention.V, attention.VChannels, (h, _) => v[h]);
            AttentionRows.ScaleColumns(attention.Proj!, attention.ProjChannels!, (h, _) => v[h]);
        }
    }
}
