namespace LampQ.Onnx;

/// <summary>Operators that arrange the same elements differently, or repeat them.</summary>
static class LayoutShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("Reshape", Reshape),
        ("Transpose", Transpose),
        ("Flatten", Flatten),
        ("Squeeze", Squeeze),
        ("Unsqueeze", Unsqueeze),
        ("Expand", Expand),
        ("Tile", Tile),
        ("DepthToSpace", n => SpaceAndDepth(n, false)),
        ("SpaceToDepth", n => SpaceAndDepth(n, true)),
    ];

    static void Reshape(NodeShapes n)
    {
        var x = n.Shape(0);
        Element[]? target = n.Has(1) ? n.Data(1)?.Elements : n.Node.Ints("shape") is { } attribute ? Array.ConvertAll(attribute, d => (Element)d) : null;
        if (target is null)
        {
            n.Set(0, n.Type(0), n.Shape(1) is [{ Size: { } rank }] ? [.. Enumerable.Repeat(Dimension.Unknown, (int)rank)] : null);
            return;
        }
        bool zeroCopies = n.Node.Int("allowzero") == 0;
        var result = new Dimension[target.Length];
        int open = -1;
        for (int i = 0; i < target.Length; i++)
        {
            result[i] = target[i].Dimension;
            if (target[i].Integer == 0 && zeroCopies)
                result[i] = x is null ? Dimension.Unknown : i < x.Length ? x[i] : throw n.Contradiction($"entry {i} of the target shape copies a dimension that the input {NodeShapes.Show(x)} does not have");
            else if (target[i].Integer == -1)
                (result[i], open) = (Dimension.Unknown, open < 0 ? i : throw n.Contradiction("the target shape has more than one −1"));
            else if (target[i].Integer < -1)
                throw n.Contradiction($"the target shape has an entry {target[i].Integer}");
        }
        // One unknown entry follows from the number of elements, whether the file writes it as −1 or computes it.
        if (open < 0 && result.Count(d => d == Dimension.Unknown) == 1)
            open = Array.IndexOf(result, Dimension.Unknown);
        if (x is not null)
        {
            var count = SymbolicDimension.Product(x);
            var others = SymbolicDimension.Product(result.Where((_, i) => i != open));
            if (open >= 0 && count.Size is { } total && others.Size is { } part && part != 0 && total % part != 0
                || open < 0 && count.Size is { } have && others.Size is { } want && have != want)
                throw n.Contradiction($"{NodeShapes.Show(x)} has {count} elements, which do not fill the shape {NodeShapes.Show(result)}");
            if (open >= 0 && others.Size != 0)
                result[open] = SymbolicDimension.Exact(count, others) ?? Dimension.Unknown;
        }
        n.Set(0, n.Type(0), result);
        if (n.Data(0) is { } data && Array.TrueForAll(result, d => d.Size is not null))
            n.SetData(data with { Shape = Array.ConvertAll(result, d => d.Size!.Value) });
    }

    static void Transpose(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), n.Node.Ints("perm") is { } order ? [.. order.Select(_ => Dimension.Unknown)] : null);
            return;
        }
        long[] perm = n.Node.Ints("perm") ?? [.. Enumerable.Range(0, x.Length).Reverse().Select(i => (long)i)];
        if (!perm.Order().SequenceEqual(Enumerable.Range(0, x.Length).Select(i => (long)i)))
            throw n.Contradiction($"perm [{string.Join(",", perm)}] does not order the {x.Length} axes of {NodeShapes.Show(x)}");
        n.Set(0, n.Type(0), [.. perm.Select(p => x[p])]);
        if (n.Data(0) is not { } data)
            return;
        if (x.Length <= 1)
            n.SetData(data);
        else if (x.Length == 2 && perm[0] == 1)
        {
            int rows = (int)data.Shape[0], columns = (int)data.Shape[1];
            n.SetData(data.Take([columns, rows], [.. Enumerable.Range(0, rows * columns).Select(i => i % rows * columns + i / rows)]));
        }
    }

    static void Flatten(NodeShapes n)
    {
        if (n.Shape(0) is not { } x)
        {
            n.Set(0, n.Type(0), [Dimension.Unknown, Dimension.Unknown]);
            return;
        }
        long axis = n.Node.Int("axis", 1);
        int at = axis == x.Length ? x.Length : n.Axis(axis, x.Length);
        n.Set(0, n.Type(0), [SymbolicDimension.Product(x[..at]), SymbolicDimension.Product(x[at..])]);
    }

    static void Squeeze(NodeShapes n)
    {
        bool all = !n.Has(1) && n.Node.Attribute("axes") is null;
        long[]? axes = n.Has(1) ? n.Integers(1) : n.Node.Ints("axes");
        Dimension[]? result = null;
        // Without axes every dimension of 1 goes, so a dimension known by name only leaves the rank open.
        if (n.Shape(0) is { } x && (axes is not null || all && Array.TrueForAll(x, d => d.Size is not null)))
        {
            int[] gone = all ? [.. Enumerable.Range(0, x.Length).Where(i => x[i].Size == 1)] : n.Axes(axes!, x.Length);
            foreach (int axis in gone)
                if (x[axis].Size is { } size and not 1)
                    throw n.Contradiction($"axis {axis} of {NodeShapes.Show(x)} has {size} elements; only 1 can be squeezed");
            result = [.. x.Where((_, i) => !gone.Contains(i))];
        }
        SetSameElements(n, result);
    }

    static void Unsqueeze(NodeShapes n)
    {
        long[]? axes = n.Has(1) ? n.Integers(1) : n.Node.Ints("axes");
        Dimension[]? result = null;
        if (n.Shape(0) is { } x && axes is not null)
        {
            int[] added = n.Axes(axes, x.Length + axes.Length);
            int next = 0;
            result = [.. Enumerable.Range(0, x.Length + axes.Length).Select(i => added.Contains(i) ? 1 : x[next++])];
        }
        SetSameElements(n, result);
    }

    static void SetSameElements(NodeShapes n, Dimension[]? shape)
    {
        n.Set(0, n.Type(0), shape);
        if (shape is not null && n.Data(0) is { } data && Array.TrueForAll(shape, d => d.Size is not null))
            n.SetData(data with { Shape = Array.ConvertAll(shape, d => d.Size!.Value) });
    }

    static void Expand(NodeShapes n)
    {
        Dimension[]? target = n.Data(1) is { } data ? Array.ConvertAll(data.Elements, e => e.Dimension)
            : n.Shape(1) is [{ Size: { } rank }] ? [.. Enumerable.Repeat(Dimension.Unknown, (int)rank)]
            : null;
        var shape = Broadcasting.Of(n, n.Shape(0), target);
        n.Set(0, n.Type(0), shape);
        if (n.Data(0) is { } x && shape is not null && Array.TrueForAll(shape, d => d.Size is not null) && SymbolicDimension.Product(shape).Size <= PartialTensor.MaximumCount)
        {
            long[] sizes = Array.ConvertAll(shape, d => d.Size!.Value);
            n.SetData(x.Take(sizes, Broadcasting.Sources(x.Shape, sizes)));
        }
    }

    static void Tile(NodeShapes n)
    {
        var x = n.Shape(0);
        Element[]? repeats = n.Data(1)?.Elements;
        if (x is not null && repeats is not null && repeats.Length != x.Length)
            throw n.Contradiction($"{repeats.Length} repeats are given for {NodeShapes.Show(x)}");
        n.Set(0, n.Type(0), x is null ? null : [.. x.Select((d, i) => repeats is null ? Dimension.Unknown : SymbolicDimension.Multiply(d, repeats[i].Dimension))]);
        if (n.Data(0) is { Shape.Length: 1 } vector && repeats is [{ Integer: { } times and >= 0 }] && vector.Elements.Length * times <= PartialTensor.MaximumCount)
            n.SetData(vector.Take([vector.Elements.Length * times], [.. Enumerable.Range(0, (int)(vector.Elements.Length * times)).Select(i => i % vector.Elements.Length)]));
    }

    static void SpaceAndDepth(NodeShapes n, bool toDepth)
    {
        if (n.Shape(0) is not { Length: 4 } x)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        long block = n.Node.Int("blocksize");
        if (block <= 0)
            throw n.Contradiction($"blocksize is {block}, a positive number is expected");
        n.Set(0, n.Type(0), toDepth
            ? [x[0], SymbolicDimension.Multiply(x[1], block * block), SymbolicDimension.Divide(x[2], block), SymbolicDimension.Divide(x[3], block)]
            : [x[0], SymbolicDimension.Divide(x[1], block * block), SymbolicDimension.Multiply(x[2], block), SymbolicDimension.Multiply(x[3], block)]);
    }
}
