namespace LampQ.Onnx;

/// <summary>Operators that make tensors: from attributes, from shapes, from numbers.</summary>
static class ConstantShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("Constant", Constant),
        ("Shape", Shape),
        ("Size", n => n.SetData(PartialTensor.Scalar(ElementType.Int64, n.Shape(0) is { } x ? SymbolicDimension.Product(x) : Element.Unknown))),
        ("ConstantOfShape", ConstantOfShape),
        ("Range", Range),
        ("EyeLike", n => n.Set(0, n.Node.Attribute("dtype") is not null ? (ElementType)n.Node.Int("dtype") : n.Type(0), n.Shape(0))),
        ("RandomNormalLike", n => n.Set(0, n.Node.Attribute("dtype") is not null ? (ElementType)n.Node.Int("dtype") : n.Type(0), n.Shape(0))),
        ("RandomUniformLike", n => n.Set(0, n.Node.Attribute("dtype") is not null ? (ElementType)n.Node.Int("dtype") : n.Type(0), n.Shape(0))),
    ];

    static void Constant(NodeShapes n)
    {
        if (n.Node.Output.Constant is not { } tensor)
            return;
        n.Set(0, tensor.Type, [.. tensor.Shape.Select(d => (Dimension)d)]);
        n.SetData(PartialTensor.Of(tensor));
    }

    static void Shape(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, ElementType.Int64, [Dimension.Unknown]);
            return;
        }
        long Place(long axis) => Math.Clamp(axis < 0 ? axis + x.Length : axis, 0, x.Length);
        long start = Place(n.Node.Int("start")), end = Place(n.Node.Int("end", x.Length));
        n.SetData(PartialTensor.Vector(x[(int)start..(int)Math.Max(start, end)]));
    }

    static void ConstantOfShape(NodeShapes n)
    {
        var fill = n.Node.Attribute("value")?.Value as Tensor ?? Tensor.Scalar(0f);
        Dimension[]? shape = n.Data(0) is { } data ? Array.ConvertAll(data.Elements, e => e.Dimension)
            : n.Shape(0) is [{ Size: { } rank }] ? [.. Enumerable.Repeat(Dimension.Unknown, (int)rank)]
            : null;
        n.Set(0, fill.Type, shape);
        if (shape is not null && SymbolicDimension.Product(shape).Size is { } count and <= PartialTensor.MaximumCount && PartialTensor.Of(fill)?.Elements is [var element])
            n.SetData(new PartialTensor(fill.Type, Array.ConvertAll(shape, d => d.Size!.Value), [.. Enumerable.Repeat(element, (int)count)]));
    }

    static void Range(NodeShapes n)
    {
        var (start, limit, step) = (First(0), First(1), First(2));
        Element First(int input) => n.Data(input)?.Elements is [var only] ? only : Element.Unknown;
        Dimension count = Dimension.Unknown;
        if (start.Number is { } from && limit.Number is { } to && step.Number is { } by)
            count = by == 0 ? throw n.Contradiction("the step is 0") : Math.Max(0, (long)Math.Ceiling((to - from) / by));
        else if (step.Integer == 1)
            count = SymbolicDimension.Subtract(limit.Dimension, start.Dimension);
        n.Set(0, n.Type(0), [count]);
        if (count.Size is { } known and <= PartialTensor.MaximumCount && start.Integer is { } first && step.Integer is { } stride)
            n.SetData(new PartialTensor(n.Type(0), [known], [.. Enumerable.Range(0, (int)known).Select(i => (Element)(first + i * stride))]));
    }
}
