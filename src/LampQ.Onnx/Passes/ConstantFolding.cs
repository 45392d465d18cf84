namespace LampQ.Onnx;

/// <summary>
/// Computes beforehand what does not depend on the input's data: Constant nodes become initializers, shapes computed by
/// Shape/Gather/Concat chains become constants, transposed or reshaped weights are stored that way, and Identity and
/// Dropout disappear. A model with a dynamic batch stays dynamic: a target shape [batch, 197, 192] becomes [−1, 197, 192].
/// </summary>
/// <param name="symbols">Sizes to fix named input dimensions to first; null leaves them open.</param>
/// <param name="inputShapes">Whole input shapes to fix first; null leaves them open.</param>
public sealed class ConstantFolding(IReadOnlyDictionary<string, long>? symbols = null, IReadOnlyDictionary<string, long[]>? inputShapes = null) : Pass
{
    /// <summary>
    /// A result larger than its inputs (Expand, Tile, ConstantOfShape) is folded up to this size, in bytes; default 64 KiB,
    /// so that folding never makes a file noticeably larger.
    /// </summary>
    public long MaximumGrowthInBytes { get; init; } = 64 << 10;

    /// <inheritdoc/>
    protected override void ApplyCore(Model model)
    {
        var graph = model.Graph;
        // A default that a caller may override is not a constant; overriding weights is a habit of old exporters that quantization ends.
        foreach (var initializer in graph.Initializers)
            initializer.IsOverridable = false;
        // Inference needs constants to find shapes, and constants are found by shapes: both walk the graph once, in this order.
        if (symbols is not null || inputShapes is not null)
            Adopt(model, new FixInputShapes(symbols, inputShapes));
        FoldConstants(model);
        var inferred = ShapeInference.Walk(model);
        if (inferred.Contradictions is [var first, ..])
            throw new InvalidDataException(first);

        foreach (var node in graph.Nodes.ToArray())
        {
            if ((Copied(node) ?? SameElements(node, inferred)) is { } source && node.Output is { IsGraphOutput: false, IsCaptured: false })
                graph.ReplaceUses(node.Output, source);
            else if (node.Outputs is [{ IsGraphOutput: false, IsCaptured: false } output] && inferred.Data.GetValueOrDefault(output)?.ToTensor() is { } tensor && !node.Is("Constant"))
                MakeInitializer(graph, output, tensor);
            else if (node.Is("Reshape"))
                OpenOneDimension(graph, node, inferred);
        }
        // Some constants appear only now that Identity nodes are gone.
        FoldConstants(model);
        graph.RemoveUnused();
        ShapeInference.Infer(model);
    }

    static void Adopt(Model model, FixInputShapes fix)
    {
        var fixedModel = fix.Apply(model);
        foreach (var value in model.Graph.Values)
            value.Shape = fixedModel.Graph.Find(value.Name)?.Shape ?? (value.IsGraphInput || value.Initializer is not null ? value.Shape : null);
    }

    /// <summary>Turns every node whose inputs are all constants into an initializer, in topological order.</summary>
    void FoldConstants(Model model)
    {
        var graph = model.Graph;
        graph.Sort();
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Outputs is not [{ IsGraphOutput: false, IsCaptured: false } output])
                continue;
            if (node.Is("Constant"))
            {
                if (output.Constant is { } constant)
                    MakeInitializer(graph, output, constant);
            }
            else if (node.Inputs.Count > 0 && node.Inputs.All(i => i is null || i.Initializer is not null))
            {
                long inputBytes = node.Inputs.Sum(i => (long)(i?.Initializer!.Bytes.Length ?? 0));
                if (ConstantEvaluator.Evaluate(node, model.Opset, Math.Max(inputBytes, MaximumGrowthInBytes)) is { } tensor)
                    MakeInitializer(graph, output, tensor);
            }
        }
    }

    /// <summary>The input that the only used output of the node repeats; null when the node does something.</summary>
    static Value? Copied(Node node)
    {
        if (node.Inputs is not [{ } source, ..] || node.Outputs.Count == 0 || node.Outputs[0] is null)
            return null;
        bool copies = node.Is("Identity")
            || node.Is("Dropout") && node.Outputs.Skip(1).All(o => o is null or { IsUnused: true })
                && (node.Input(2) is null || node.Input(2)!.Constant is { } training && training.ToIntegers()[0] == 0)
            || node.Is("Cast") && source.Type == (ElementType)node.Int("to") && source.Type != ElementType.Undefined;
        return copies ? source : null;
    }

    /// <summary>
    /// The input that holds the same shape as the output, as in Where(shape = −1, ones, shape), which exporters write before
    /// Expand and which chooses nothing; null when there is none. Equal names are equal numbers.
    /// </summary>
    static Value? SameElements(Node node, InferredShapes inferred)
    {
        if (node.Outputs is not [{ } output] || inferred.Data.GetValueOrDefault(output) is not { } result || result.Elements.Contains(Element.Unknown))
            return null;
        return node.Inputs.FirstOrDefault(i => i is not null && inferred.Data.GetValueOrDefault(i) is { } data && data.Type == result.Type
            && data.Shape.SequenceEqual(result.Shape) && data.Elements.SequenceEqual(result.Elements));
    }

    /// <summary>Writes a target shape of which one entry depends on the input ([batch, 197, 192]) as a constant: [−1, 197, 192].</summary>
    static void OpenOneDimension(Graph graph, Node node, InferredShapes inferred)
    {
        if (node.Input(1) is not { Initializer: null } target || inferred.Data.GetValueOrDefault(target) is not { } known
            || known.Elements.Count(e => e.Integer is null) != 1 || known.Elements.Any(e => e.Integer is <= 0))
            return;
        var tensor = Tensor.Of([.. known.Elements.Select(e => e.Integer ?? -1)]);
        node.SetInput(1, graph.AddInitializer(target.Name + "_open", tensor));
    }

    /// <summary>Puts an initializer in the place, and under the name, of a value that a node computed.</summary>
    static void MakeInitializer(Graph graph, Value computed, Tensor tensor)
    {
        string name = computed.Name;
        graph.Rename(computed, graph.NewName(name + "_replaced"));
        graph.ReplaceUses(computed, graph.AddInitializer(name, tensor));
    }
}
