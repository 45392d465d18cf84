namespace LampQ.Onnx;

/// <summary>Matrix products.</summary>
static class MatrixShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("MatMul", n => Product(n, n.Type(0), n.Shape(0), n.Shape(1))),
        ("MatMulInteger", n => Product(n, ElementType.Int32, n.Shape(0), n.Shape(1))),
        ("QLinearMatMul", n => Product(n, n.Type(7), n.Shape(0), n.Shape(3))),
        ("Gemm", Gemm),
        ("Einsum", Einsum),
    ];

    static void Product(NodeShapes n, ElementType type, Dimension[]? a, Dimension[]? b)
    {
        if (a is null || b is null)
        {
            n.Set(0, type, null);
            return;
        }
        if (a.Length == 0 || b.Length == 0)
            throw n.Contradiction("a factor is a scalar; matrices or vectors are expected");
        Dimension[] left = a.Length == 1 ? [1, a[0]] : a, right = b.Length == 1 ? [b[0], 1] : b;
        if (left[^1].Size is { } ka && right[^2].Size is { } kb && ka != kb)
            throw n.Contradiction($"{NodeShapes.Show(a)} times {NodeShapes.Show(b)}: the inner dimensions are {ka} and {kb}, they must be equal");
        var batch = Broadcasting.Of(n, left[..^2], right[..^2])!;
        n.Set(0, type, [.. batch, .. a.Length == 1 ? [] : left[^2..^1], .. b.Length == 1 ? [] : right[^1..]]);
    }

    static void Gemm(NodeShapes n)
    {
        if (n.Shape(0) is not { } a || n.Shape(1) is not { } b)
        {
            n.Set(0, n.Type(0), [Dimension.Unknown, Dimension.Unknown]);
            return;
        }
        if (a.Length != 2 || b.Length != 2)
            throw n.Contradiction($"{NodeShapes.Show(a)} times {NodeShapes.Show(b)}: both must be matrices");
        var (m, ka) = n.Node.Int("transA") != 0 ? (a[1], a[0]) : (a[0], a[1]);
        var (kb, columns) = n.Node.Int("transB") != 0 ? (b[1], b[0]) : (b[0], b[1]);
        if (ka.Size is { } x && kb.Size is { } y && x != y)
            throw n.Contradiction($"the inner dimensions are {x} and {y}, they must be equal");
        n.Set(0, n.Type(0), [m, columns]);
        if (n.Shape(2) is { } c && Broadcasting.Of(n, [m, columns], c) is { } sum
            && (sum.Length != 2 || m.Size is { } rows && sum[0].Size > rows || columns.Size is { } width && sum[1].Size > width))
            throw n.Contradiction($"the bias {NodeShapes.Show(c)} does not broadcast to {NodeShapes.Show([m, columns])}");
    }

    static void Einsum(NodeShapes n)
    {
        string equation = n.Node.String("equation").Replace(" ", "", StringComparison.Ordinal);
        string[] sides = equation.Split("->"), terms = sides[0].Split(',');
        var sizes = new Dictionary<char, Dimension>();
        Dimension[] ellipsis = [];
        if (terms.Length != n.Node.Inputs.Count)
            throw n.Contradiction($"the equation '{equation}' has {terms.Length} terms for {n.Node.Inputs.Count} inputs");
        for (int i = 0; i < terms.Length; i++)
        {
            if (n.Shape(i) is not { } shape)
            {
                n.Set(0, n.Type(0), null);
                return;
            }
            int dots = terms[i].IndexOf("...", StringComparison.Ordinal), letters = terms[i].Length - (dots < 0 ? 0 : 3), hidden = shape.Length - letters;
            if (dots < 0 ? hidden != 0 : hidden < 0)
                throw n.Contradiction($"the term '{terms[i]}' of the equation does not fit the shape {NodeShapes.Show(shape)}");
            if (dots >= 0)
                ellipsis = Broadcasting.Of(n, ellipsis, shape[dots..(dots + hidden)])!;
            for (int c = 0, d = 0; c < terms[i].Length; c++, d++)
                if (c == dots)
                    (c, d) = (c + 2, d + hidden - 1);
                else
                    sizes[terms[i][c]] = sizes.TryGetValue(terms[i][c], out var size) ? Broadcasting.Of(n, size, shape[d]) : shape[d];
        }
        // Without "->" the output has the letters that occur once, in alphabetical order, behind the ellipsis.
        string output = sides.Length > 1 ? sides[1]
            : (sides[0].Contains("...", StringComparison.Ordinal) ? "..." : "") + string.Concat(sizes.Keys.Where(c => sides[0].Count(o => o == c) == 1).Order());
        var result = new List<Dimension>();
        for (int c = 0; c < output.Length; c++)
            if (output[c] == '.')
            {
                result.AddRange(ellipsis);
                c += 2;
            }
            else
                result.Add(sizes.TryGetValue(output[c], out var size) ? size : throw n.Contradiction($"the output letter '{output[c]}' of '{equation}' is in no input"));
        n.Set(0, n.Type(0), [.. result]);
    }
}
