using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>What becomes of one layer.</summary>
/// <param name="Weights">Integers and scales.</param>
/// <param name="Input">Quantizer of what goes in.</param>
/// <param name="Bias">b [N] in place of the layer's own; null keeps that.</param>
public sealed record LayerPlan(QuantizedWeights Weights, ActivationQuantizer Input, float[]? Bias = null);

/// <summary>Quantizers of Q, Kᵀ and V of an attention, which are signed and uniform, and the code of its map.</summary>
public sealed record AttentionPlan(AffineQuantizer Q, AffineQuantizer K, AffineQuantizer V, MapCode Map);

/// <summary>What becomes of one LayerNorm.</summary>
/// <param name="Gamma">γ [C] in place of the norm's own.</param>
/// <param name="Beta">β [C] in place of the norm's own; null where it has none.</param>
public sealed record NormPlan(float[] Gamma, float[]? Beta);

/// <summary>Everything the export needs to know: layers by name, attentions in the order of <see cref="ModelStructure.Attentions"/>.</summary>
public sealed record QuantizationPlan(IReadOnlyDictionary<string, LayerPlan> Layers, IReadOnlyList<AttentionPlan> Attentions)
{
    /// <summary>What became of the LayerNorms, in the order of <see cref="ModelStructure.Norms"/>; none where all are as they were.</summary>
    public IReadOnlyList<NormPlan> Norms { get; init; } = [];
}
