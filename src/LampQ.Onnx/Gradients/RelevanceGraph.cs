namespace LampQ.Onnx;

/// <summary>
/// Turns a model into one that returns, for each linear layer, LRP-QViT's contribution (arXiv 2401.11243, equations 21 and 22): the mean over the layer's output of
/// (∇y ∘ R_y)⁺, ∇y the gradient of the score of one class and R_y its relevance (<see cref="BackwardRules.Relevance"/>).
/// </summary>
public static class RelevanceGraph
{
    /// <summary>Builds the model.</summary>
    /// <param name="model">A float model of opset 11 to 21 whose input shapes are fixed (<see cref="FixInputShapes"/>); it stays as it was.</param>
    /// <param name="layers">The layers, looked up by the names of their outputs.</param>
    /// <exception cref="ArgumentException">A layer is not in the model or does not lead to the scores.</exception>
    /// <exception cref="NotSupportedException">Opset, a shape, or an operator on the way is not covered by the gradient or the relevance rules.</exception>
    public static RelevanceModel Build(Model model, IReadOnlyList<QuantizableLayer> layers)
    {
        var copy = model.Clone();
        Value[] wanted = [.. layers.Select(l => GradientGraph.Find(copy, l.Output.Name, nameof(layers)))];
        var (head, gradients) = GradientGraph.Extend(copy, Loss.ClassScore, wanted);
        var relevances = GradientGraph.Walk(copy, BackwardRules.Relevance, [(copy.Graph.Outputs[0], head.Seed)], wanted);
        var emit = new GraphEmitter(copy.Graph, copy.Opset);
        Value[] means = [.. wanted.Select((y, i) =>
        {
            var map = emit.Map("Relu", emit.Mul(gradients[i], relevances[i]));
            long[] axes = [.. Enumerable.Range(0, GraphEmitter.Sizes(map).Length).Select(a => (long)a)];
            return GradientGraph.Name(copy, emit.ReduceMean(map, axes, keepDims: false), $"contribution/{layers[i].Name}");
        })];
        GradientGraph.KeepOnly(copy, means);
        return new RelevanceModel(copy, [.. means.Select(m => m.Name)], head.Inputs[0].Name);
    }
}

/// <summary>A model that returns contributions.</summary>
/// <param name="Model">The model.</param>
/// <param name="Contributions">Names of the outputs, one number each, in the order of the layers.</param>
/// <param name="Labels">Name of the input that takes the class of each sample, int64 [B].</param>
public sealed record RelevanceModel(Model Model, IReadOnlyList<string> Contributions, string Labels);
