using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// Writes a plan into a float model as standard QuantizeLinear / DequantizeLinear, and other than uniform codes as formulas: linear layers, attention operands and the patch embedding;
/// LayerNorm, softmax, GELU and residual adds stay float.
/// </summary>
/// <param name="plan">Weights and quantizers, for every layer of the model that is to be quantized.</param>
/// <param name="container">The integer types weights are stored in.</param>
public sealed class PortableExport(QuantizationPlan plan, WeightContainer container) : Pass
{
    /// <inheritdoc/>
    protected override void ApplyCore(Model model)
    {
        ShapeInference.Infer(model);
        ModelFamily.Detect(model, out var structure);
        var activations = new QdqActivation(model.Graph);
        foreach (var (attention, quantizers) in structure.Attentions.Zip(plan.Attentions))
            QdqAttention.Write(activations, attention, quantizers.Q, quantizers.K, quantizers.V, quantizers.Map, model.Opset, $"attention.{attention.Block}");
        foreach (var (norm, trained) in structure.Norms.Zip(plan.Norms))
            Write(norm, trained);
        foreach (var layer in structure.Layers)
            if (plan.Layers.TryGetValue(layer.Name, out var layerPlan))
                Write(activations, layer, layerPlan);
    }

    static void Write(LayerNorm norm, NormPlan trained)
    {
        LinearWeights.Replace(norm.GammaUse.Node, norm.GammaUse.Index, Tensor.Of(trained.Gamma, [.. norm.Gamma.Constant!.Shape]));
        if (trained.Beta is { } beta && norm.BetaUse is { } use)
            LinearWeights.Replace(use.Node, use.Index, Tensor.Of(beta, [.. norm.Beta!.Constant!.Shape]));
    }

    void Write(QdqActivation activations, QuantizableLayer layer, LayerPlan layerPlan)
    {
        var bias = LinearWeights.CurrentBias(layer) is null ? null : layerPlan.Bias ?? layer.ReadBias();
        if (bias is not null && layerPlan.Bias is not null)
            layer.WriteBias(bias);
        if (layer.Node.Is("Conv"))
            QdqPatchEmbedding.Write(activations, layer, layerPlan.Weights, (AffineQuantizer)layerPlan.Input, container, bias);
        else
            QdqLinear.Write(activations, layer, layerPlan.Weights, layerPlan.Input, container, bias, isFlat: layer.Input.Shape?.Count == 2);
    }
}
