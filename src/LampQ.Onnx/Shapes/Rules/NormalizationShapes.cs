namespace LampQ.Onnx;

/// <summary>Normalizations: the output has the shape of the input; optional outputs hold statistics.</summary>
static class NormalizationShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("LayerNormalization", LayerNormalization),
        ("BatchNormalization", BatchNormalization),
        .. new[] { "InstanceNormalization", "GroupNormalization", "RMSNormalization" }.Select(op => (op, (ShapeRule)(n => n.Set(0, n.Type(0), n.Shape(0))))),
        ("Dropout", Dropout),
    ];

    static void LayerNormalization(NodeShapes n)
    {
        n.Set(0, n.Type(0), n.Shape(0));
        if (n.Shape(0) is not { } x)
            return;
        int axis = n.Axis(n.Node.Int("axis", -1), x.Length);
        for (int input = 1; input <= 2; input++)
            if (n.Shape(input) is { } parameter)
                for (int i = 1; i <= parameter.Length; i++)
                    if (i > x.Length || parameter[^i].Size is { } p && p != 1 && x[^i].Size is { } size && p != size)
                        throw n.Contradiction($"{(input == 1 ? "scale" : "bias")} {NodeShapes.Show(parameter)} does not fit the input {NodeShapes.Show(x)} normalized from axis {axis}");
        var statistics = ElementType.Float;
        n.Set(1, statistics, [.. x[..axis], .. Enumerable.Repeat((Dimension)1, x.Length - axis)]);
        n.Set(2, statistics, [.. x[..axis], .. Enumerable.Repeat((Dimension)1, x.Length - axis)]);
    }

    static void BatchNormalization(NodeShapes n)
    {
        n.Set(0, n.Type(0), n.Shape(0));
        for (int i = 1; i < n.Node.Outputs.Count; i++)
            n.Set(i, n.Type(3), n.Shape(3));
        if (n.Shape(0) is { Length: >= 2 } x && x[1].Size is { } channels)
            for (int i = 1; i <= 4; i++)
                if (n.Shape(i) is [{ Size: { } size }] && size != channels)
                    throw n.Contradiction($"input {i} has {size} elements for {channels} channels");
    }

    static void Dropout(NodeShapes n)
    {
        n.Set(0, n.Type(0), n.Shape(0));
        n.Set(1, n.Opset >= 10 ? ElementType.Bool : n.Type(0), n.Shape(0));
        n.SetData(n.Data(0));
    }
}
