namespace LampQ.Onnx;

/// <summary>Operators that reduce axes to one element, or pick elements along an axis.</summary>
static class ReductionShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        .. new[] { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare" }
            .Select(op => (op, (ShapeRule)Reduce)),
        ("ArgMax", ArgExtreme),
        ("ArgMin", ArgExtreme),
        ("TopK", TopK),
    ];

    static void Reduce(NodeShapes n)
    {
        bool keep = n.Node.Int("keepdims", 1) != 0;
        long[]? axes = n.Has(1) ? n.Integers(1) : n.Node.Ints("axes") ?? [];
        if (n.Shape(0) is not { } x || axes is null)
        {
            n.Set(0, n.Type(0), n.Shape(0) is { } known && keep ? [.. known.Select(_ => Dimension.Unknown)] : null);
            return;
        }
        if (axes.Length == 0 && n.Node.Int("noop_with_empty_axes") != 0)
        {
            n.Set(0, n.Type(0), x);
            n.SetData(n.Data(0));
            return;
        }
        int[] reduced = axes.Length == 0 ? [.. Enumerable.Range(0, x.Length)] : n.Axes(axes, x.Length);
        n.Set(0, n.Type(0), Without(x, reduced, keep));
        if (n.Data(0) is { } data && reduced.Length == data.Shape.Length && data.Elements is [var first, .. var rest])
        {
            Func<Dimension, Dimension, Dimension>? combine = n.Node.OpType switch
            {
                "ReduceProd" => SymbolicDimension.Multiply,
                "ReduceSum" => SymbolicDimension.Add,
                "ReduceMax" => (a, b) => a == b ? a : a.Size is { } p && b.Size is { } q ? Math.Max(p, q) : Dimension.Unknown,
                "ReduceMin" => (a, b) => a == b ? a : a.Size is { } p && b.Size is { } q ? Math.Min(p, q) : Dimension.Unknown,
                _ => null,
            };
            if (combine is not null)
                n.SetData(new PartialTensor(data.Type, keep ? [.. data.Shape.Select(_ => 1L)] : [], [rest.Aggregate(first.Dimension, (p, e) => combine(p, e.Dimension))]));
        }
    }

    static void ArgExtreme(NodeShapes n) =>
        n.Set(0, ElementType.Int64, n.Shape(0) is { } x ? Without(x, [n.Axis(n.Node.Int("axis"), x.Length)], n.Node.Int("keepdims", 1) != 0) : null);

    static void TopK(NodeShapes n)
    {
        Dimension[]? shape = n.Shape(0);
        if (shape is not null)
        {
            int axis = n.Axis(n.Node.Int("axis", -1), shape.Length);
            Dimension k = n.Node.Attribute("k") is not null ? n.Node.Int("k") : n.Data(1)?.Elements is [var only] ? only.Dimension : Dimension.Unknown;
            if (k.Size > shape[axis].Size)
                throw n.Contradiction($"the {k} largest of {shape[axis]} elements are asked for");
            shape[axis] = k;
        }
        n.Set(0, n.Type(0), shape);
        n.Set(1, ElementType.Int64, shape);
    }

    static Dimension[] Without(Dimension[] shape, int[] axes, bool keep)
    {
        var result = new List<Dimension>();
        for (int i = 0; i < shape.Length; i++)
            if (!axes.Contains(i))
                result.Add(shape[i]);
            else if (keep)
                result.Add(1);
        return [.. result];
    }
}
