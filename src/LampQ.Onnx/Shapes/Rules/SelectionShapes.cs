namespace LampQ.Onnx;

/// <summary>Operators that select, join, pad or overwrite elements.</summary>
static class SelectionShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("Gather", Gather),
        ("GatherElements", n => n.Set(0, n.Type(0), n.Shape(1))),
        ("GatherND", GatherND),
        ("ScatterND", n => n.Set(0, n.Type(0), n.Shape(0))),
        ("ScatterElements", n => n.Set(0, n.Type(0), n.Shape(0))),
        ("Scatter", n => n.Set(0, n.Type(0), n.Shape(0))),
        ("Slice", Slice),
        ("Split", Split),
        ("Concat", Concat),
        ("Pad", Pad),
        ("NonZero", n => n.Set(0, ElementType.Int64, [n.Shape(0) is { } x ? x.Length : Dimension.Unknown, Dimension.Unknown])),
        ("OneHot", OneHot),
    ];

    static void Gather(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        int axis = n.Axis(n.Node.Int("axis"), x.Length);
        n.Set(0, n.Type(0), n.Shape(1) is { } indices ? [.. x[..axis], .. indices, .. x[(axis + 1)..]] : null);
        if (n.Integers(1) is not { } chosen)
            return;
        if (x[axis].Size is { } size && chosen.FirstOrDefault(i => i < -size || i >= size) is var wrong and not 0)
            throw n.Contradiction($"index {wrong} is outside axis {axis} of {NodeShapes.Show(x)}");
        if (n.Data(0) is { Shape.Length: 1 } data && n.Data(1) is { } at)
            n.SetData(data.Take(at.Shape, [.. chosen.Select(i => (int)(i < 0 ? i + data.Elements.Length : i))]));
    }

    static void GatherND(NodeShapes n)
    {
        int batch = (int)n.Node.Int("batch_dims");
        n.Set(0, n.Type(0), n.Shape(0) is { } x && n.Shape(1) is { Length: > 0 } indices && indices[^1].Size is { } depth
            ? batch + depth <= x.Length ? [.. indices[..^1], .. x[(batch + (int)depth)..]] : throw n.Contradiction($"indices {NodeShapes.Show(indices)} are deeper than the data {NodeShapes.Show(x)}")
            : null);
    }

    static void Slice(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        Element[]? Part(string attribute, int input) =>
            n.Opset < 10 ? n.Node.Ints(attribute) is { } list ? Array.ConvertAll(list, v => (Element)v) : null : n.Data(input)?.Elements;
        var (starts, ends, axes) = (Part("starts", 1), Part("ends", 2), Part("axes", 3));
        Element[]? steps = n.Has(4) ? n.Data(4)?.Elements : starts is null ? null : [.. Enumerable.Repeat((Element)1, starts.Length)];
        int? count = starts?.Length ?? ends?.Length ?? (n.Shape(1) is [{ Size: { } length }] ? (int)length : null);
        if (n.Opset >= 10 && n.Has(3) && (axes is null || Array.Exists(axes, a => a.Integer is null)) || count is null)
        {
            n.Set(0, n.Type(0), [.. x.Select(_ => Dimension.Unknown)]);
            return;
        }
        int[] on = axes is null ? [.. Enumerable.Range(0, count.Value)] : [.. axes.Select(a => n.Axis(a.Integer!.Value, x.Length))];
        if (on.Length != count || on.Length > x.Length || starts is not null && ends is not null && (ends.Length != starts.Length || steps is not null && steps.Length != starts.Length))
            throw n.Contradiction($"starts, ends, axes and steps differ in length, or are more than the axes of {NodeShapes.Show(x)}");
        var result = (Dimension[])x.Clone();
        (long First, long Step)? vectorCut = null;
        for (int i = 0; i < on.Length; i++)
        {
            var (size, first) = Cut(n, x[on[i]], starts?[i] ?? Element.Unknown, ends?[i] ?? Element.Unknown, steps?[i] ?? Element.Unknown);
            result[on[i]] = size;
            if (x.Length == 1 && first is { } start)
                vectorCut = (start, steps![i].Integer!.Value);
        }
        n.Set(0, n.Type(0), result);
        if (n.Data(0) is { Shape.Length: 1 } data && vectorCut is var (from, step) && result[0].Size is { } taken)
            n.SetData(data.Take([taken], [.. Enumerable.Range(0, (int)taken).Select(k => (int)(from + k * step))]));
    }

    /// <summary>How many elements of an axis remain, and which is the first (null when that depends on a name).</summary>
    static (Dimension Size, long? First) Cut(NodeShapes n, Dimension axis, Element start, Element end, Element step)
    {
        if (step.Integer == 0)
            throw n.Contradiction("a step is 0");
        if (axis.Size is { } size && start.Integer is { } s && end.Integer is { } e && step.Integer is { } stride)
        {
            s = s < 0 ? s + size : s;
            e = e < 0 ? e < -size ? -1 : e + size : e;
            (s, e) = stride > 0 ? (Math.Clamp(s, 0, size), Math.Clamp(e, 0, size)) : (Math.Clamp(s, 0, Math.Max(size - 1, 0)), Math.Clamp(e, -1, Math.Max(size - 1, -1)));
            long span = stride > 0 ? e - s : s - e, length = Math.Abs(stride);
            return (span <= 0 ? 0 : (span - 1) / length + 1, s);
        }
        if (start.Integer is not { } begin || axis == Dimension.Unknown || end == Element.Unknown)
            return (Dimension.Unknown, null);
        bool toTheEnd = end.Integer >= int.MaxValue || end.Dimension == axis;
        if (step.Integer == -1 && begin == -1 && end.Integer <= int.MinValue)
            return (axis, null);
        if (step.Integer != 1)
            return (begin == 0 && toTheEnd && step.Integer is { } every and > 1 ? SymbolicDimension.Divide(SymbolicDimension.Add(axis, every - 1), every) : Dimension.Unknown, null);
        // A named size is taken to be large enough for the slices that the model takes of it.
        if (begin >= 0 && toTheEnd)
            return (SymbolicDimension.Add(axis, -begin), begin);
        if (begin >= 0 && end.Integer is < 0)
            return (SymbolicDimension.Add(axis, end.Integer.Value - begin), begin);
        if (begin < 0 && toTheEnd)
            return (-begin, null);
        return (Dimension.Unknown, null);
    }

    static void Split(NodeShapes n)
    {
        int parts = n.Node.Outputs.Count;
        if (n.Shape(0) is not { } x)
        {
            n.SetAll(n.Type(0), null);
            return;
        }
        int axis = n.Axis(n.Node.Int("axis"), x.Length);
        Dimension[]? sizes = n.Has(1) ? n.Data(1)?.Elements.Select(e => e.Dimension).ToArray() : n.Node.Ints("split")?.Select(s => (Dimension)s).ToArray();
        if (sizes is not null && (sizes.Length != parts || Array.TrueForAll(sizes, s => s.Size is not null) && x[axis].Size is { } whole && sizes.Sum(s => s.Size!.Value) != whole))
            throw n.Contradiction($"split sizes {NodeShapes.Show(sizes)} do not divide axis {axis} of {NodeShapes.Show(x)} into {parts} outputs");
        if (sizes is null && !n.Has(1))
        {
            // From opset 18 the last part may be smaller; before, equal parts must fill the axis.
            if (n.Opset < 18 && x[axis].Size is { } size && size % parts != 0)
                throw n.Contradiction($"axis {axis} of {NodeShapes.Show(x)} cannot be divided into {parts} equal parts");
            sizes = x[axis].Size is { } all
                ? [.. Enumerable.Range(0, parts).Select(i => (Dimension)Math.Clamp(all - i * ((all + parts - 1) / parts), 0, (all + parts - 1) / parts))]
                : [.. Enumerable.Repeat(SymbolicDimension.Exact(x[axis], parts) ?? Dimension.Unknown, parts)];
        }
        for (int i = 0; i < parts; i++)
            n.Set(i, n.Type(0), [.. x[..axis], sizes?[i] ?? Dimension.Unknown, .. x[(axis + 1)..]]);
    }

    static void Concat(NodeShapes n)
    {
        var shapes = Enumerable.Range(0, n.Node.Inputs.Count).Select(n.Shape).ToArray();
        if (shapes.FirstOrDefault(s => s is not null) is not { } any)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        int axis = n.Axis(n.Node.Int("axis"), any.Length);
        var result = (Dimension[])any.Clone();
        result[axis] = 0;
        foreach (var shape in shapes)
        {
            if (shape is null)
            {
                result[axis] = Dimension.Unknown;
                continue;
            }
            if (shape.Length != any.Length)
                throw n.Contradiction($"{NodeShapes.Show(any)} and {NodeShapes.Show(shape)} differ in rank");
            for (int i = 0; i < shape.Length; i++)
                if (i == axis)
                    result[i] = SymbolicDimension.Add(result[i], shape[i]);
                else if (result[i].Size is { } a && shape[i].Size is { } b && a != b)
                    throw n.Contradiction($"{NodeShapes.Show(any)} and {NodeShapes.Show(shape)} differ outside axis {axis}");
                else if (result[i].Size is null && (shape[i].Size is not null || result[i] == Dimension.Unknown))
                    result[i] = shape[i];
        }
        n.Set(0, n.Type(0), result);
        if (any.Length != 1 || result[0].Size is not <= PartialTensor.MaximumCount)
            return;
        // A part of known length but unknown content leaves the other parts known.
        var elements = Enumerable.Range(0, shapes.Length).SelectMany(i => n.Data(i)?.Elements ?? [.. Enumerable.Repeat(Element.Unknown, (int)shapes[i]![0].Size!.Value)]);
        n.SetData(new PartialTensor(n.Type(0), [result[0].Size!.Value], [.. elements]));
    }

    static void Pad(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        Element[]? pads = n.Has(1) ? n.Data(1)?.Elements : n.Node.Ints("pads") is { } attribute ? Array.ConvertAll(attribute, p => (Element)p) : null;
        int[]? axes = !n.Has(3) ? [.. Enumerable.Range(0, x.Length)] : n.Integers(3) is { } some ? [.. some.Select(a => n.Axis(a, x.Length))] : null;
        if (pads is not null && axes is not null && pads.Length != 2 * axes.Length)
            throw n.Contradiction($"{pads.Length} pads are given for {axes.Length} axes; two an axis are expected");
        var result = (Dimension[])x.Clone();
        for (int i = 0; i < x.Length; i++)
        {
            int at = axes is null ? -1 : Array.IndexOf(axes, i);
            if (pads is null || axes is null)
                result[i] = Dimension.Unknown;
            else if (at >= 0)
                result[i] = SymbolicDimension.Add(SymbolicDimension.Add(x[i], pads[at].Dimension), pads[at + axes.Length].Dimension);
        }
        n.Set(0, n.Type(0), result);
    }

    static void OneHot(NodeShapes n)
    {
        if (n.Shape(0) is not { } indices)
        {
            n.Set(0, n.Type(2), null);
            return;
        }
        int axis = n.Axis(n.Node.Int("axis", -1), indices.Length + 1);
        n.Set(0, n.Type(2), [.. indices[..axis], n.Data(1)?.Elements is [var depth] ? depth.Dimension : Dimension.Unknown, .. indices[axis..]]);
    }
}
