namespace LampQ.Onnx;

/// <summary>
/// The pattern of a quantized patch embedding. A Conv whose stride is its kernel is a matrix product over flattened patches, and is written as one
/// (Reshape → Transpose → Reshape → quantized activation → MatMul → Add): ONNX Runtime has an integer kernel for that, but none for a Conv whose
/// output stays float. Where height and width are not known the Conv stays, with quantized input and weight.
/// </summary>
public static class QdqPatchEmbedding
{
    /// <summary>Replaces the layer by its quantized form.</summary>
    /// <param name="activations">Writer of quantized activations of the same graph.</param>
    /// <param name="layer">A Conv of the graph with one group, no padding, and stride = kernel.</param>
    /// <param name="weights">Integers and scales, W as [N, C·kh·kw].</param>
    /// <param name="input">Quantizer of the input.</param>
    /// <param name="container">Type of the stored weights.</param>
    /// <param name="bias">[N], or null when the layer has none.</param>
    public static void Write(QdqActivation activations, QuantizableLayer layer, QuantizedWeights weights, AffineQuantizer input, WeightContainer container, float[]? bias)
    {
        var conv = layer.Node;
        var graph = conv.Graph;
        var kernel = conv.Input(1)!.Shape!.Skip(2).Select(d => d.Size!.Value).ToArray();
        long channels = conv.Input(1)!.Shape![1].Size!.Value;
        if (layer.Input.Shape is not [_, _, { Size: { } height }, { Size: { } width }] || height % kernel[0] != 0 || width % kernel[1] != 0)
        {
            WriteConv(activations, layer, weights, input, container);
            return;
        }
        long rows = height / kernel[0], columns = width / kernel[1], patch = channels * kernel[0] * kernel[1];
        var cut = Reshape(graph, layer.Input, $"{layer.Name}.cut", 0, channels, rows, kernel[0], columns, kernel[1]);
        var turned = graph.Emit("Transpose", [cut], $"{layer.Name}.turned", ("perm", new long[] { 0, 2, 4, 1, 3, 5 }));
        var patches = Reshape(graph, turned, $"{layer.Name}.patches", 0, rows * columns, patch);
        (patches.Type, patches.Shape) = (ElementType.Float, [layer.Input.Shape[0], rows * columns, patch]);
        var x = activations.Write(patches, input, $"{layer.Name}.input");
        var w = QdqLinear.WriteWeights(graph, layer.Name, weights, container, rowPerOutput: false);
        var tokens = graph.Emit("MatMul", [x, w], $"{layer.Name}.product");
        if (bias is not null)
            tokens = graph.Emit("Add", [tokens, graph.AddInitializer($"{layer.Name}.bias", QdqLinear.UnfusedBias(bias))], $"{layer.Name}.tokens");
        (tokens.Type, tokens.Shape) = (ElementType.Float, [layer.Input.Shape[0], rows * columns, layer.OutputChannels]);

        if (TokensOf(layer) is { } already)
        {
            graph.ReplaceUses(already, tokens);
            return;
        }
        var planes = graph.Emit("Transpose", [tokens], $"{layer.Name}.planes", ("perm", new long[] { 0, 2, 1 }));
        var image = Reshape(graph, planes, $"{layer.Name}.image", 0, layer.OutputChannels, rows, columns);
        (image.Type, image.Shape) = (layer.Output.Type, layer.Output.Shape);
        QdqLinear.Take(graph, layer.Output, image, layer);
    }

    /// <summary>The image and the patch size, where a value is an image cut into flattened patches as <see cref="Write"/> cuts it; null for anything else.</summary>
    public static (Value Image, int PatchHeight, int PatchWidth)? MatchPatches(Value patches)
    {
        if (patches.Producer is not { } last || !last.Is("Reshape") || last.Input(0)?.Producer is not { } turn || !turn.Is("Transpose") || turn.Ints("perm") is not [0, 2, 4, 1, 3, 5])
            return null;
        if (turn.Input(0)?.Producer is not { } cut || !cut.Is("Reshape") || cut.Input(0) is not { } image || cut.Input(1)?.Constant?.ToIntegers() is not [_, var channels, var rows, var height, var columns, var width]
            || image.Shape is not [_, { Size: { } c }, { Size: { } h }, { Size: { } w }] || channels != c || rows * height != h || columns * width != w)
            return null;
        return last.Input(1)?.Constant?.ToIntegers() is [_, var tokens, var size] && tokens == rows * columns && size is var s && (s == channels * height * width || s == -1)
            ? (image, (int)height, (int)width) : null;
    }

    /// <summary>The value [B, T, N] where the model itself turns the Conv's output into tokens by a reshape and a transpose.</summary>
    static Value? TokensOf(QuantizableLayer layer)
    {
        if (layer.Output.OnlyConsumer is not { } reshape || !reshape.Is("Reshape", "Flatten") || reshape.Output.Shape is not { Count: 3 } shape || shape[1].Size != layer.OutputChannels)
            return null;
        return reshape.Output.OnlyConsumer is { } transpose && transpose.Is("Transpose") && transpose.Ints("perm") is [0, 2, 1] && !transpose.Output.IsGraphOutput ? transpose.Output : null;
    }

    static void WriteConv(QdqActivation activations, QuantizableLayer layer, QuantizedWeights weights, AffineQuantizer input, WeightContainer container)
    {
        var conv = layer.Node;
        var graph = conv.Graph;
        var flat = QdqLinear.WriteWeights(graph, layer.Name, weights, container, rowPerOutput: true);
        // The Conv's own shape, with scales along the same axis: only the stored tensor needs another one.
        var stored = flat.Producer!.Input(0)!;
        var shape = conv.Input(1)!.Shape!;
        graph.SetInitializer(stored, stored.Initializer!.Reshape([.. shape.Select(d => d.Size!.Value)]));
        flat.Shape = shape;
        conv.SetInput(1, flat);
        conv.SetInput(0, activations.Write(layer.Input, input, $"{layer.Name}.input"));
    }

    static Value Reshape(Graph graph, Value value, string name, params long[] shape)
    {
        var reshaped = graph.Emit("Reshape", [value, graph.AddInitializer($"{name}_shape", Tensor.Of(shape))], name);
        reshaped.Type = value.Type;
        return reshaped;
    }
}
