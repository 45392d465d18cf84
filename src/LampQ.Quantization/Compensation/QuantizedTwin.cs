using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// A calibrated model with the activation quantizers of a plan in it, and the weight and bias of every layer as graph inputs: what the exported model will
/// compute, up to the order of float sums, with layers that can be changed one by one.
/// </summary>
public sealed class QuantizedTwin
{
    readonly Model model;
    readonly Dictionary<string, Tensor> fed = [];

    /// <summary>Makes the twin, all weights float.</summary>
    /// <param name="calibration">The model.</param>
    /// <param name="inputs">Quantizer of what goes into each layer, by layer name; layers without one stay as they are.</param>
    /// <param name="attentions">Quantizers of the attentions, in the order of the structure.</param>
    public QuantizedTwin(Calibration calibration, IReadOnlyDictionary<string, ActivationQuantizer> inputs, IReadOnlyList<AttentionPlan> attentions)
    {
        model = calibration.Model.Clone();
        ShapeInference.Infer(model);
        ModelFamily.Detect(model, out var structure);
        var activations = new QdqActivation(model.Graph);
        foreach (var (attention, quantizers) in structure.Attentions.Zip(attentions))
            QdqAttention.Write(activations, attention, quantizers.Q, quantizers.K, quantizers.V, quantizers.Map, model.Opset, $"attention.{attention.Block}");
        foreach (var layer in structure.Layers)
        {
            if (!inputs.TryGetValue(layer.Name, out var quantizer))
                continue;
            layer.Node.SetInput(1 - layer.WeightIndex, activations.Write(layer.Input, quantizer, $"{layer.Name}.input"));
            Feed(layer.Node, layer.WeightIndex, WeightName(layer), Stored(layer, layer.ReadWeight()));
            if (LinearWeights.CurrentBias(layer) is not null)
            {
                var (node, index) = layer.BiasPlace();
                Feed(node, index, BiasName(layer), Tensor.Of(layer.ReadBias()));
            }
            if (layer.Node.Is("Gemm"))
            {
                layer.Node.Set("alpha", 1f);
                layer.Node.Set("beta", 1f);
            }
        }
    }

    /// <summary>Gives a layer its rounded weights, and bias.</summary>
    public void Set(QuantizableLayer layer, CompensatedWeights rounded)
    {
        fed[WeightName(layer)] = Stored(layer, rounded.Weights.Dequantize());
        if (rounded.Bias is { } bias)
            fed[BiasName(layer)] = Tensor.Of(bias);
    }

    /// <summary>The twin from one value on, to some others.</summary>
    /// <param name="start">Name of the value to begin at; null is the model's input.</param>
    /// <param name="extend">Adds what is wanted to the graph and returns it.</param>
    /// <param name="settings">Threads.</param>
    public ModelPart Part(string? start, Func<Graph, IReadOnlyList<Value>> extend, RunSettings settings) => ModelPart.Of(model, start, extend, settings, fed);

    /// <summary>The twin itself, layers' weights and biases as inputs.</summary>
    internal Model Model => model;

    static string WeightName(QuantizableLayer layer) => $"{layer.Name}:weight";

    /// <summary>Name of the input that takes the bias of a layer.</summary>
    internal static string BiasName(QuantizableLayer layer) => $"{layer.Name}:bias";

    static Tensor Stored(QuantizableLayer layer, float[] weight) =>
        Tensor.Of(layer.IsRowPerOutput ? weight : LinearWeights.Transpose(weight, layer.OutputChannels, layer.InputChannels), [.. layer.WeightTensor.Shape]);

    void Feed(Node node, int index, string name, Tensor tensor)
    {
        node.SetInput(index, model.Graph.AddInput(name, ElementType.Float, [.. tensor.Shape.Select(d => new Dimension(d))]));
        fed[name] = tensor;
    }
}
