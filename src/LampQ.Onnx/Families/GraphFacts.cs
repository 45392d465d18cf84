namespace LampQ.Onnx;

/// <summary>
/// What is known about the values of a graph before it runs: shapes at batch 1, constants behind shape chains and moved weights, and an order
/// along the data. The graph itself stays as it is.
/// </summary>
sealed class GraphFacts
{
    readonly Dictionary<string, Value> twins;
    readonly IReadOnlyDictionary<Value, PartialTensor> data;
    readonly Dictionary<Value, Tensor?> constants = [];
    readonly HashSet<Value> fixedValues = [];
    readonly Dictionary<Node, int> order;

    public GraphFacts(Model model)
    {
        Model = model;
        var copy = model.Clone();
        foreach (var input in copy.Graph.Inputs)
            if (input.Shape is [{ Size: null }, ..])
                input.Shape = [1, .. input.Shape.Skip(1)];
        // Inner shapes that the file states hold for its own batch.
        foreach (var value in copy.Graph.Values)
            if (value.Producer is not null)
                value.Shape = null;
        data = ShapeInference.Walk(copy).Data;
        twins = copy.Graph.Values.ToDictionary(v => v.Name);

        // Inference has sorted the copy; nodes of the model itself may stand in any order.
        var position = copy.Graph.Nodes.Select((node, index) => (node, index)).ToDictionary(p => FirstOutput(p.node), p => p.index);
        order = model.Graph.Nodes.ToDictionary(n => n, n => position[FirstOutput(n)]);
        Nodes = [.. model.Graph.Nodes.OrderBy(n => order[n])];
        foreach (var node in Nodes.Where(n => n.Inputs.Count > 0 && !n.Is("If", "Loop", "Scan", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial") && n.Inputs.All(i => i is null || i.Constant is not null || fixedValues.Contains(i))))
            fixedValues.UnionWith(node.Outputs.OfType<Value>());

        static string FirstOutput(Node node) => node.Outputs.First(o => o is not null)!.Name;
    }

    public Model Model { get; }

    /// <summary>The nodes, each behind what it needs.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>Position of a node along the data.</summary>
    public int Position(Node node) => order[node];

    /// <summary>The shape at batch 1, or null when a dimension is not known.</summary>
    public int[]? Shape(Value value)
    {
        if (Constant(value) is { } constant)
            return [.. constant.Shape.Select(d => (int)d)];
        return twins[value.Name].Shape is { } shape && shape.All(d => d.Size is >= 0 and <= int.MaxValue) ? [.. shape.Select(d => (int)d.Size!)] : null;
    }

    /// <summary>The size of the last axis, or null when it is not known or there is none.</summary>
    public long? LastSize(Value value) => twins[value.Name].Shape is { Count: > 0 } shape ? shape[^1].Size : null;

    /// <summary>The number of dimensions, or null when it is not known.</summary>
    public int? Rank(Value value) => Constant(value)?.Rank ?? twins[value.Name].Shape?.Count;

    /// <summary>
    /// True when the value is the same in every run, whether or not <see cref="Constant"/> can say what it is. A learned query repeated for
    /// every image of a batch is not: it is known at batch 1, but has another shape in other runs.
    /// </summary>
    public bool IsConstant(Value value) => value.Constant is not null || fixedValues.Contains(value) || Constant(value) is { } known && (known.Count == 1 || known.Type.IsInteger() || known.Type == ElementType.Bool);

    /// <summary>The value itself when it is the same in every run: an initializer, a Constant, either of them moved or cast, or the end of a shape chain.</summary>
    public Tensor? Constant(Value value)
    {
        if (value.Constant is { } own)
            return own; // also where old files let a caller override it: quantization ends that
        if (!constants.TryGetValue(value, out var known))
        {
            constants[value] = null;
            constants[value] = known = data.GetValueOrDefault(twins[value.Name])?.ToTensor() ?? Moved(value) ?? Power(value);
        }
        return known;
    }

    /// <summary>The integers of a constant, or null.</summary>
    public long[]? Integers(Value? value) => value is not null && Constant(value) is { } tensor && tensor.Type.IsInteger() ? tensor.ToIntegers() : null;

    /// <summary>The only element of a constant, or null.</summary>
    public float? Scalar(Value? value) => value is not null && Constant(value) is { Count: 1 } tensor && tensor.Type != ElementType.String ? tensor.ToFloats()[0] : null;

    /// <summary>An axis counted from the front, or null when it counts from the end and the rank is not known.</summary>
    public int? Axis(long axis, Value of) => axis >= 0 ? (int)axis : Rank(of) is { } rank ? (int)axis + rank : null;

    /// <summary>True when <paramref name="axis"/> is the last one of the value.</summary>
    public bool IsLastAxis(long axis, Value of) => axis == -1 || Rank(of) is { } rank && axis == rank - 1;

    /// <summary>d ** −½, which exporters leave as Pow; good to a rounding, so it is read but never written.</summary>
    Tensor? Power(Value value) => value.Producer is { } pow && pow.Is("Pow") && Scalar(pow.Input(0)) is { } x && Scalar(pow.Input(1)) is { } exponent ? Tensor.Scalar(MathF.Pow(x, exponent)) : null;

    /// <summary>Weights that an exporter left behind a Transpose, Reshape or Identity.</summary>
    Tensor? Moved(Value value)
    {
        if (value.Producer is not { } producer || !DataMovement.Moves(producer) || producer.Input(0) is not { } source || Constant(source) is not { } tensor)
            return null;
        int bytes = tensor.Type.SizeInBits() / 8;
        if (bytes == 0 || tensor.Type.SizeInBits() % 8 != 0 || producer.Is("Cast", "Concat") || tensor.Count > int.MaxValue)
            return null;
        if (DataMovement.Apply(producer, value, [IndexTensor.Counting([.. tensor.Shape.Select(d => (int)d)])], this) is not { } moved)
            return null;
        var result = new byte[moved.Indices.Length * bytes];
        var from = tensor.Bytes.Span;
        for (int i = 0; i < moved.Indices.Length; i++)
            from.Slice(moved.Indices[i] * bytes, bytes).CopyTo(result.AsSpan(i * bytes));
        return Tensor.OfBytes(tensor.Type, result, [.. moved.Shape.Select(d => (long)d)]);
    }
}
