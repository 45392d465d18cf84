namespace LampQ.Onnx;

/// <summary>
/// Works out type and shape of every value from the inputs of the model. Small integer tensors are followed by value, so that
/// a shape that the model computes (Shape, Gather, Concat, then Reshape) is known too, with names where only names are known.
/// </summary>
public static class ShapeInference
{
    /// <summary>Fills <see cref="Value.Type"/> and <see cref="Value.Shape"/> of all values in place.</summary>
    /// <param name="model">The model; only types and shapes are changed.</param>
    /// <param name="symbols">Sizes to put in place of named dimensions of the inputs: "batch" is 8.</param>
    /// <param name="inputShapes">Whole shapes of inputs, by input name.</param>
    /// <remarks>
    /// Operators without a rule, and shapes that depend on data, leave what the file says, or null. A size that the file
    /// states but inference contradicts gives way to the inferred one.
    /// </remarks>
    /// <exception cref="ArgumentException">An input of that name does not exist, or its rank differs from the shape's.</exception>
    /// <exception cref="InvalidDataException">The model contradicts itself; the message names the first such node.</exception>
    public static void Infer(Model model, IReadOnlyDictionary<string, long>? symbols = null, IReadOnlyDictionary<string, long[]>? inputShapes = null)
    {
        if (Walk(model, symbols, inputShapes).Contradictions is [var first, ..])
            throw new InvalidDataException(first);
    }

    /// <summary>Infers as <see cref="Infer"/>, but goes on after a contradiction and returns all of them, and the elements that are known.</summary>
    internal static InferredShapes Walk(Model model, IReadOnlyDictionary<string, long>? symbols = null, IReadOnlyDictionary<string, long[]>? inputShapes = null)
    {
        var graph = model.Graph;
        graph.Sort();
        SetInputs(graph, symbols, inputShapes);
        // What the file says about inner values holds for its own input sizes only.
        bool keepStated = symbols is null && inputShapes is null;
        var result = new InferredShapes([], [], []);
        foreach (var initializer in graph.Initializers)
            if (PartialTensor.Of(initializer.Initializer!) is { } known && !initializer.IsOverridable)
                result.Data[initializer] = known;

        foreach (var node in graph.Nodes)
        {
            var stated = node.Outputs.Select(v => (v?.Type ?? default, v?.Shape)).ToArray();
            foreach (var output in node.Outputs)
                if (output is not null)
                    output.Shape = null;
            var rule = ShapeRules.Find(node);
            if (rule is not null && NamesWhatItNeeds(node))
                try
                {
                    rule(new NodeShapes(node, model.Opset, result.Data));
                }
                catch (InvalidDataException e)
                {
                    result.Contradictions.Add(e.Message);
                }
            for (int i = 0; i < stated.Length; i++)
                if (node.Outputs[i] is { } value)
                    Merge(value, stated[i].Item1, keepStated || rule is null ? stated[i].Shape : null, result.Overruled);
        }
        return result;
    }

    static void SetInputs(Graph graph, IReadOnlyDictionary<string, long>? symbols, IReadOnlyDictionary<string, long[]>? inputShapes)
    {
        if (inputShapes?.Keys.FirstOrDefault(name => graph.Find(name) is not { IsGraphInput: true }) is { } unknown)
            throw new ArgumentException($"The model has no input '{unknown}'; its inputs are {string.Join(", ", graph.Inputs.Select(i => $"'{i.Name}'"))}.", nameof(inputShapes));
        foreach (var input in graph.Inputs)
        {
            if (inputShapes?.GetValueOrDefault(input.Name) is { } shape)
            {
                if (input.Shape is { } old && old.Count != shape.Length)
                    throw new ArgumentException($"Input '{input.Name}' has rank {old.Count}, but the shape given has {shape.Length}: [{string.Join(",", shape)}].", nameof(inputShapes));
                input.Shape = [.. shape.Select(d => (Dimension)d)];
            }
            else if (symbols is not null && input.Shape is { } named)
                input.Shape = [.. named.Select(d => d.Symbol is { } s && symbols.TryGetValue(s, out long size) ? size : d)];
        }
    }

    /// <summary>Where inference knows nothing, what the file says stays.</summary>
    static void Merge(Value value, ElementType type, IReadOnlyList<Dimension>? stated, List<(Value, bool, string)> overruled)
    {
        if (type != ElementType.Undefined && type != value.Type)
            overruled.Add((value, true, $"the file says {type}, inference says {value.Type}"));
        if (stated is null)
            return;
        if (value.Shape is not { } inferred)
        {
            value.Shape = stated;
            return;
        }
        if (inferred.Count != stated.Count || inferred.Zip(stated).Any(p => p.First.Size is { } a && p.Second.Size is { } b && a != b))
        {
            overruled.Add((value, false, $"the file says {NodeShapes.Show(stated)}, inference says {NodeShapes.Show(inferred)}"));
            return;
        }
        value.Shape = [.. inferred.Zip(stated, (i, s) => i == Dimension.Unknown || i.Size is null && s.Size is not null ? s : i)];
    }

    /// <summary>Rules read their first input and output without asking; a node that lacks them is the checker's business.</summary>
    static bool NamesWhatItNeeds(Node node) =>
        node.Outputs is [not null, ..] && (node.Is("Constant") || node.Inputs is [not null, ..]) && node.Outputs.Count > 0;
}

/// <summary>What inference found besides types and shapes.</summary>
/// <param name="Data">Elements of small tensors, as far as they are known before the model runs.</param>
/// <param name="Contradictions">One text for each node whose inputs do not fit together.</param>
/// <param name="Overruled">Values about which the file says something else.</param>
sealed record InferredShapes(Dictionary<Value, PartialTensor> Data, List<string> Contradictions, List<(Value Value, bool IsType, string Text)> Overruled);
