namespace LampQ.Onnx;

/// <summary>
/// Turns a model into one that returns, for each linear layer and each sample n of the batch, the squared norm of the weight gradient,
/// ‖∂Lₙ/∂W‖² = ‖GₙᵀXₙ‖² with X [T, K] the layer's input and G [T, N] the gradient at its output. The mean over samples is the
/// trace of the empirical Fisher information.
/// </summary>
/// <remarks>
/// The gradients themselves never leave the graph. With few tokens the norm is taken as Σ (XXᵀ)∘(GGᵀ), which costs T²(N + K)
/// products in place of T·N·K and needs no [K, N] matrix; the cheaper form is chosen layer by layer.
/// </remarks>
public static class FisherGraph
{
    /// <summary>Builds the model.</summary>
    /// <param name="model">A float model of opset 11 to 21 whose input shapes are fixed (<see cref="FixInputShapes"/>); it stays as it was.</param>
    /// <param name="loss">The loss; it is summed over the batch, so samples that do not interact keep their own gradients.</param>
    /// <param name="layers">The layers, found in this model or in one it came from: they are looked up by the names of their outputs.</param>
    /// <param name="withTensors">True also returns X and G of every layer, [B, T, K] and [B, T, N] (in groups [B, groups, T, ..]).</param>
    /// <param name="output">The model output the loss is computed from; the first one when null.</param>
    /// <exception cref="ArgumentException">A layer is not in the model or does not lead to the loss.</exception>
    /// <exception cref="NotSupportedException">Opset, a shape, or an operator on the way is not covered, or the batch cannot be told from other axes.</exception>
    public static FisherModel Build(Model model, Loss loss, IReadOnlyList<QuantizableLayer> layers, bool withTensors = false, string? output = null)
    {
        var copy = model.Clone();
        var nodes = layers.Select(layer => GradientGraph.Find(copy, layer.Node.Output.Name, nameof(layers)).Producer
            ?? throw new ArgumentException($"Layer '{layer.Name}' has no node in this model: nothing computes '{layer.Node.Output.Name}'.", nameof(layers))).ToArray();
        var (head, gradients) = GradientGraph.Extend(copy, loss, [.. nodes.Select(n => n.Output)], output: output);
        var emit = new GraphEmitter(copy.Graph, copy.Opset);
        long batch = GraphEmitter.Sizes(head.PerSample) is [var b] ? b : 1;

        List<Value> outputs = [head.PerSample];
        var results = new List<FisherOutputs>();
        for (int i = 0; i < layers.Count; i++)
        {
            var rows = PerSampleRows.Of(emit, nodes[i], layers[i].WeightIndex, gradients[i], batch);
            outputs.Add(GradientGraph.Name(copy, rows.SquaredNorm(emit), $"fisher/{layers[i].Name}"));
            string norm = outputs[^1].Name;
            if (withTensors)
            {
                outputs.Add(GradientGraph.Name(copy, rows.X, $"input/{layers[i].Name}"));
                outputs.Add(GradientGraph.Name(copy, rows.G, $"gradient/{layers[i].Name}"));
            }
            results.Add(new FisherOutputs(layers[i], norm, withTensors ? outputs[^2].Name : null, withTensors ? outputs[^1].Name : null));
        }
        GradientGraph.KeepOnly(copy, outputs);
        return new FisherModel(copy, head.PerSample.Name, results, [.. head.Inputs.Select(v => v.Name)]);
    }
}

/// <summary>A model that returns Fisher norms.</summary>
/// <param name="Model">The model.</param>
/// <param name="Loss">Name of the output that holds the loss of each sample, [B].</param>
/// <param name="Layers">Names of the outputs of each layer, in the order asked for.</param>
/// <param name="ExtraInputs">Names of the inputs the loss adds.</param>
public sealed record FisherModel(Model Model, string Loss, IReadOnlyList<FisherOutputs> Layers, IReadOnlyList<string> ExtraInputs);

/// <summary>Outputs that belong to one layer.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="SquaredNorm">Name of the output with ‖∂Lₙ/∂W‖² of each sample, [B].</param>
/// <param name="Input">Name of the output with X, when asked for.</param>
/// <param name="Gradient">Name of the output with G, when asked for.</param>
public sealed record FisherOutputs(QuantizableLayer Layer, string SquaredNorm, string? Input, string? Gradient);
