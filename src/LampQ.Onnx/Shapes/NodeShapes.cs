namespace LampQ.Onnx;

/// <summary>What a shape rule sees of a node: types, shapes and known elements of the inputs; and where it puts those of the outputs.</summary>
sealed class NodeShapes(Node node, long opset, Dictionary<Value, PartialTensor> data)
{
    public Node Node => node;

    /// <summary>Version of ONNX's operator set that the model is written in.</summary>
    public long Opset => opset;

    public bool Has(int input) => node.Input(input) is not null;

    public ElementType Type(int input) => node.Input(input)?.Type ?? ElementType.Undefined;

    /// <summary>Shape of an input; null when its rank is unknown or the input is left out.</summary>
    public Dimension[]? Shape(int input) => node.Input(input)?.Shape is { } shape ? [.. shape] : null;

    /// <summary>What is known of the elements of an input; null when nothing is.</summary>
    public PartialTensor? Data(int input) => node.Input(input) is { } value ? data.GetValueOrDefault(value) : null;

    /// <summary>The elements of an integer input when all are known.</summary>
    public long[]? Integers(int input) =>
        Data(input) is { } known && Array.TrueForAll(known.Elements, e => e.Integer is not null) ? Array.ConvertAll(known.Elements, e => e.Integer!.Value) : null;

    public void Set(int output, ElementType type, Dimension[]? shape)
    {
        if (output >= node.Outputs.Count || node.Outputs[output] is not { } value)
            return;
        if (type != ElementType.Undefined)
            value.Type = type;
        value.Shape = shape;
    }

    public void SetAll(ElementType type, Dimension[]? shape)
    {
        for (int i = 0; i < node.Outputs.Count; i++)
            Set(i, type, shape);
    }

    /// <summary>Sets output 0 from what is known of its elements, which says type and shape too.</summary>
    public void SetData(PartialTensor? known)
    {
        if (known is null)
            return;
        Set(0, known.Type, Array.ConvertAll(known.Shape, d => (Dimension)d));
        if (known.Elements.Length <= PartialTensor.MaximumCount && Array.Exists(known.Elements, e => e != Element.Unknown))
            data[node.Output] = known;
    }

    /// <summary>An axis counted from the front.</summary>
    /// <exception cref="InvalidDataException">The axis is outside −rank to rank−1.</exception>
    public int Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis)
        : throw Contradiction($"axis {axis} is outside a tensor of rank {rank}");

    /// <summary>All axes counted from the front, ascending.</summary>
    public int[] Axes(IEnumerable<long> axes, int rank)
    {
        int[] result = [.. axes.Select(a => Axis(a, rank)).Order()];
        return result.Distinct().Count() == result.Length ? result : throw Contradiction("an axis is named twice");
    }

    /// <summary>An error about this node; the text says what was found and what the operator expects.</summary>
    public InvalidDataException Contradiction(string text) => new($"Node {node}: {text}.");

    public static string Show(IEnumerable<Dimension> shape) => $"[{string.Join(",", shape)}]";
}
