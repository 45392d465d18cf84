using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Reads and replaces the weight and bias of a linear layer, whatever their layout, as W [N, K] and b [N].</summary>
public static class LinearWeights
{
    /// <summary>W, row-major [N, K]: one row an output channel.</summary>
    public static float[] ReadWeight(this QuantizableLayer layer)
    {
        var stored = CurrentWeight(layer).ToFloats();
        // Gemm multiplies the product by alpha; W is what the layer does, so it contains alpha.
        if (layer.Node.Is("Gemm") && layer.Node.Float("alpha", 1) is var alpha and not 1)
            for (int i = 0; i < stored.Length; i++)
                stored[i] *= alpha;
        return layer.IsRowPerOutput ? stored : Transpose(stored, layer.InputChannels, layer.OutputChannels);
    }

    /// <summary>b [N]; zeros when the layer has no bias.</summary>
    public static float[] ReadBias(this QuantizableLayer layer)
    {
        if (CurrentBias(layer) is not { } bias)
            return new float[layer.OutputChannels];
        var stored = ConstantOf(layer, bias).ToFloats();
        if (layer.Node.Is("Gemm") && layer.BiasAdd is null && layer.Node.Float("beta", 1) is var beta and not 1)
            for (int i = 0; i < stored.Length; i++)
                stored[i] *= beta;
        return stored.Length == layer.OutputChannels ? stored : [.. Enumerable.Repeat(stored[0], layer.OutputChannels)];
    }

    /// <summary>Replaces W [N, K]. Another layer that shares the initializer keeps the old one.</summary>
    public static void WriteWeight(this QuantizableLayer layer, float[] weight)
    {
        var stored = layer.IsRowPerOutput ? weight : Transpose(weight, layer.OutputChannels, layer.InputChannels);
        Replace(layer.Node, layer.WeightIndex, Tensor.Of(stored, [.. CurrentWeight(layer).Shape]));
        if (layer.Node.Is("Gemm"))
            layer.Node.Set("alpha", 1f);
    }

    /// <summary>Replaces b [N], or gives the layer one.</summary>
    /// <returns>The value that the layer returns now; another one than before when a bias had to be added behind a MatMul.</returns>
    public static Value WriteBias(this QuantizableLayer layer, float[] bias)
    {
        var node = layer.Node;
        var graph = node.Graph;
        var tensor = Tensor.Of(bias);
        if (layer.BiasAdd is { } add)
        {
            Replace(add, BiasIndex(layer), tensor);
            return add.Output;
        }
        if (node.Is("Gemm", "Conv"))
        {
            if (node.Is("Gemm"))
                node.Set("beta", 1f);
            if (node.Input(2) is null)
                node.SetInput(2, graph.AddInitializer($"{layer.Name}.bias", tensor));
            else
                Replace(node, 2, tensor);
            return node.Output;
        }
        var old = node.Output;
        var sum = graph.Emit("Add", [old, graph.AddInitializer($"{layer.Name}.bias", tensor)], $"{layer.Name}.biased");
        (sum.Type, sum.Shape) = (old.Type, old.Shape);
        if (old.IsGraphOutput)
            throw new NotSupportedException($"Layer '{layer.Name}' has no bias and its product is an output of the model; no bias can be added behind it.");
        graph.ReplaceUses(old, sum, except: sum.Producer);
        return sum;
    }

    /// <summary>Replaces one constant input of a node without touching other nodes that use the same initializer.</summary>
    public static void Replace(Node node, int index, Tensor tensor)
    {
        var value = node.Input(index)!;
        if (value.Initializer is not null && value.Uses.Count == 1)
            node.Graph.SetInitializer(value, tensor);
        else
            node.SetInput(index, node.Graph.AddInitializer(value.Name, tensor));
    }

    /// <summary>A row-major matrix [rows, columns] with rows and columns exchanged.</summary>
    public static float[] Transpose(float[] matrix, int rows, int columns)
    {
        var result = new float[matrix.Length];
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                result[c * rows + r] = matrix[r * columns + c];
        return result;
    }

    /// <summary>The bias as it stands in the graph now; null when the layer has none.</summary>
    public static Value? CurrentBias(QuantizableLayer layer) =>
        layer.BiasAdd is { } add ? add.Input(BiasIndex(layer)) : layer.Node.Is("MatMul") ? null : layer.Node.Input(2);

    /// <summary>The node that takes the bias, and as which input.</summary>
    public static (Node Node, int Index) BiasPlace(this QuantizableLayer layer) => layer.BiasAdd is { } add ? (add, BiasIndex(layer)) : (layer.Node, 2);

    static int BiasIndex(QuantizableLayer layer) => layer.BiasAdd!.Input(0) == layer.Node.Output ? 1 : 0;

    // The record names the weight it was found with; a transformation may have put another one in its place since.
    static Tensor CurrentWeight(QuantizableLayer layer) => layer.Node.Input(layer.WeightIndex)!.Constant ?? layer.WeightTensor;

    static Tensor ConstantOf(QuantizableLayer layer, Value value) => value.Constant
        ?? throw new NotSupportedException($"Layer '{layer.Name}' computes '{value.Name}' while it runs; only constant weights can be quantized.");
}
