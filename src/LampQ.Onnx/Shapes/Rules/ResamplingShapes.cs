namespace LampQ.Onnx;

/// <summary>Operators that sample an image at other places.</summary>
static class ResamplingShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules => [("Resize", Resize), ("Upsample", Upsample), ("GridSample", GridSample)];

    static void Resize(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        int scalesAt = n.Opset >= 11 ? 2 : 1;
        int[] axes = n.Node.Ints("axes") is { } some ? [.. some.Select(a => n.Axis(a, x.Length))] : [.. Enumerable.Range(0, x.Length)];
        var result = (Dimension[])x.Clone();
        if (n.Opset >= 11 && n.Has(3))
        {
            // Other policies of keep_aspect_ratio choose the smaller or larger scale of all axes.
            bool exact = n.Node.String("keep_aspect_ratio_policy", "stretch") == "stretch";
            var sizes = n.Data(3);
            if (sizes is not null && sizes.Elements.Length != axes.Length)
                throw n.Contradiction($"{sizes.Elements.Length} sizes are given for {axes.Length} axes");
            for (int i = 0; i < axes.Length; i++)
                result[axes[i]] = sizes is not null && exact ? sizes.Elements[i].Dimension : Dimension.Unknown;
        }
        else
            Scale(n, result, axes, n.Data(scalesAt));
        n.Set(0, n.Type(0), result);
    }

    static void Upsample(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        var scales = n.Data(1) ?? (n.Node.Attribute("scales")?.Value is float[] list ? PartialTensor.Of(Tensor.Of(list)) : null);
        Scale(n, x, [.. Enumerable.Range(0, x.Length)], scales);
        n.Set(0, n.Type(0), x);
    }

    static void Scale(NodeShapes n, Dimension[] shape, int[] axes, PartialTensor? scales)
    {
        if (scales is not null && scales.Elements.Length != axes.Length)
            throw n.Contradiction($"{scales.Elements.Length} scales are given for {axes.Length} axes");
        for (int i = 0; i < axes.Length; i++)
        {
            double? scale = scales?.Elements[i].Number;
            ref var size = ref shape[axes[i]];
            size = scale == 1 ? size
                : scale is null ? Dimension.Unknown
                : size.Size is { } known ? (long)Math.Floor((float)known * (float)scale.Value)
                : scale == Math.Floor(scale.Value) ? SymbolicDimension.Multiply(size, (long)scale.Value)
                : Dimension.Unknown;
        }
    }

    static void GridSample(NodeShapes n) =>
        n.Set(0, n.Type(0), n.Shape(0) is { Length: >= 3 } x && n.Shape(1) is { } grid
            ? grid.Length == x.Length ? [x[0], x[1], .. grid[1..^1]] : throw n.Contradiction($"the grid {NodeShapes.Show(grid)} must have the rank of the image {NodeShapes.Show(x)}")
            : null);
}
