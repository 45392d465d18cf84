namespace LampQ.Onnx;

/// <summary>
/// Adds standard ONNX operators to a graph, each in the spelling of the model's own opset (11 to 21), and keeps type and shape of
/// everything it adds. Only what a caller needs is added: a Reshape to the same shape or a sum over no axis is the value itself.
/// </summary>
/// <param name="graph">The graph to add to.</param>
/// <param name="opset">Version of ONNX's operator set the graph is written in.</param>
public sealed class GraphEmitter(Graph graph, long opset)
{
    readonly Dictionary<string, Value> constants = [];

    /// <summary>Version of ONNX's operator set.</summary>
    public long Opset => opset;

    /// <summary>A tensor as an initializer; equal small ones are added once.</summary>
    public Value Constant(Tensor tensor, string wish = "constant")
    {
        if (tensor.Count > 64)
            return graph.AddInitializer(wish, tensor);
        string key = $"{tensor}:{Convert.ToHexString(tensor.Bytes.Span)}";
        return constants.TryGetValue(key, out var known) ? known : constants[key] = graph.AddInitializer(wish, tensor);
    }

    /// <summary>An int64 vector.</summary>
    public Value Integers(params ReadOnlySpan<long> values) => Constant(Tensor.Of(values, values.Length), "integers");

    /// <summary>A number in the element type of another value.</summary>
    /// <exception cref="NotSupportedException">The type is not a float, double or half.</exception>
    public Value Number(double value, ElementType type) => Constant(type switch
    {
        ElementType.Float => Tensor.Scalar((float)value),
        ElementType.Double => Tensor.OfBytes(type, BitConverter.GetBytes(value)),
        ElementType.Float16 => Tensor.OfBytes(type, BitConverter.GetBytes((Half)value)),
        _ => throw new NotSupportedException($"Backward values can be Float, Double or Float16, found {type}. Convert the model to Float first."),
    }, "number");

    /// <summary>A float tensor as a constant of another floating type.</summary>
    public Value Numbers(ReadOnlySpan<float> values, ElementType type, params ReadOnlySpan<long> shape)
    {
        var constant = Constant(Tensor.Of(values, shape), "numbers");
        return type == ElementType.Float ? constant : Cast(constant, type);
    }

    /// <summary>Something the caller of the model provides, under the wished name or that name with a number.</summary>
    public Value Input(string wish, ElementType type, params IReadOnlyList<long> shape) =>
        graph.AddInput(graph.NewName(wish), type, [.. shape.Select(d => new Dimension(d))]);

    /// <summary>One value of that shape, all of it the same number.</summary>
    public Value Filled(double value, ElementType type, params ReadOnlySpan<long> shape) => Expand(Number(value, type), shape);

    /// <summary>op(x), element by element.</summary>
    public Value Map(string op, Value x, params IReadOnlyList<(string, object)> attributes) => Node(op, [x], x.Type, Sizes(x), attributes);

    /// <summary>a + b with broadcasting.</summary>
    public Value Add(Value a, Value b) => Binary("Add", a, b);

    /// <summary>a + number.</summary>
    public Value Add(Value a, double b) => Add(a, Number(b, a.Type));

    /// <summary>a − b with broadcasting.</summary>
    public Value Sub(Value a, Value b) => Binary("Sub", a, b);

    /// <summary>number − b.</summary>
    public Value Sub(double a, Value b) => Sub(Number(a, b.Type), b);

    /// <summary>a·b element by element, with broadcasting.</summary>
    public Value Mul(Value a, Value b) => Binary("Mul", a, b);

    /// <summary>a·number; the value itself for 1.</summary>
    public Value Mul(Value a, double b) => b == 1 ? a : Mul(a, Number(b, a.Type));

    /// <summary>a/b element by element, with broadcasting.</summary>
    public Value Div(Value a, Value b) => Binary("Div", a, b);

    /// <summary>aᵇ element by element, with broadcasting.</summary>
    public Value Pow(Value a, Value b) => Binary("Pow", a, b);

    /// <summary>−x.</summary>
    public Value Neg(Value x) => Map("Neg", x);

    /// <summary>x².</summary>
    public Value Square(Value x) => Mul(x, x);

    /// <summary>a &gt; b.</summary>
    public Value Greater(Value a, Value b) => Binary("Greater", a, b, ElementType.Bool);

    /// <summary>a &gt; number.</summary>
    public Value Greater(Value a, double b) => Greater(a, Number(b, a.Type));

    /// <summary>a &lt; b.</summary>
    public Value Less(Value a, Value b) => Binary("Less", a, b, ElementType.Bool);

    /// <summary>a &lt; number.</summary>
    public Value Less(Value a, double b) => Less(a, Number(b, a.Type));

    /// <summary>a = b.</summary>
    public Value Equal(Value a, Value b) => Binary("Equal", a, b, ElementType.Bool);

    /// <summary>a ∧ b.</summary>
    public Value And(Value a, Value b) => Binary("And", a, b, ElementType.Bool);

    /// <summary>¬a.</summary>
    public Value Not(Value a) => Map("Not", a);

    /// <summary>a where the condition holds, b elsewhere.</summary>
    public Value Where(Value condition, Value a, Value b) =>
        Node("Where", [condition, a, b], a.Type, Broadcast(Broadcast(Sizes(condition), Sizes(a)), Sizes(b)));

    /// <summary>a where the condition holds, 0 elsewhere.</summary>
    public Value WhereElseZero(Value condition, Value a) => Where(condition, a, Number(0, a.Type));

    /// <summary>0 where the condition holds, a elsewhere.</summary>
    public Value ZeroWhere(Value condition, Value a) => Where(condition, Number(0, a.Type), a);

    /// <summary>The value in another element type.</summary>
    public Value Cast(Value x, ElementType type) => x.Type == type ? x : Node("Cast", [x], type, Sizes(x), ("to", (long)type));

    /// <summary>Batched matrix product a·b of ranks 2 and more.</summary>
    public Value MatMul(Value a, Value b)
    {
        long[] left = Sizes(a), right = Sizes(b);
        return Node("MatMul", [a, b], a.Type, [.. Broadcast(left[..^2], right[..^2]), left[^2], right[^1]]);
    }

    /// <summary>The axes in another order: axis i of the result is axis permutation[i] of x.</summary>
    public Value Transpose(Value x, params long[] permutation)
    {
        long[] sizes = Sizes(x);
        return permutation.Select((p, i) => p == i).All(same => same) ? x
            : Node("Transpose", [x], x.Type, [.. permutation.Select(p => sizes[p])], ("perm", permutation));
    }

    /// <summary>The last two axes swapped.</summary>
    public Value TransposeMatrix(Value x)
    {
        int rank = Sizes(x).Length;
        return Transpose(x, [.. Enumerable.Range(0, rank - 2).Select(i => (long)i), rank - 1, rank - 2]);
    }

    /// <summary>The same elements under another shape.</summary>
    public Value Reshape(Value x, params ReadOnlySpan<long> shape) =>
        shape.SequenceEqual(Sizes(x)) ? x : Node("Reshape", [x, Integers(shape)], x.Type, shape.ToArray());

    /// <summary>Sum over axes.</summary>
    public Value ReduceSum(Value x, long[] axes, bool keepDims = true) => Reduce("ReduceSum", 13, x, axes, keepDims);

    /// <summary>Mean over axes.</summary>
    public Value ReduceMean(Value x, long[] axes, bool keepDims = true) => Reduce("ReduceMean", 18, x, axes, keepDims);

    /// <summary>Sum of squares over axes.</summary>
    public Value ReduceSumSquare(Value x, long[] axes, bool keepDims = true) => Reduce("ReduceSumSquare", 18, x, axes, keepDims);

    /// <summary>Undoes broadcasting: sums over every axis along which <paramref name="shape"/> was repeated to give x.</summary>
    public Value SumTo(Value x, ReadOnlySpan<long> shape)
    {
        long[] sizes = Sizes(x);
        int added = sizes.Length - shape.Length;
        var axes = new List<long>();
        for (int i = 0; i < sizes.Length; i++)
            if (i < added || (shape[i - added] == 1 && sizes[i] != 1))
                axes.Add(i);
        return Reshape(ReduceSum(x, [.. axes]), shape);
    }

    /// <summary>x repeated to the shape, as broadcasting does.</summary>
    public Value Expand(Value x, params ReadOnlySpan<long> shape) =>
        shape.SequenceEqual(Sizes(x)) ? x : Node("Expand", [x, Integers(shape)], x.Type, shape.ToArray());

    /// <summary>x[.., start .. start + count, ..] along one axis.</summary>
    public Value Slice(Value x, int axis, long start, long count)
    {
        long[] sizes = Sizes(x);
        if (start == 0 && count == sizes[axis])
            return x;
        return Node("Slice", [x, Integers(start), Integers(start + count), Integers(axis)], x.Type, With(sizes, axis, count));
    }

    /// <summary>Numbers around x: before[i] in front of and after[i] behind axis i; negative counts cut away instead.</summary>
    public Value Pad(Value x, long[] before, long[] after, double number = 0)
    {
        long[] sizes = Sizes(x);
        for (int i = 0; i < sizes.Length; i++)
            x = Slice(x, i, Math.Max(0, -before[i]), sizes[i] + Math.Min(0, before[i]) + Math.Min(0, after[i]));
        long[] front = Array.ConvertAll(before, p => Math.Max(0, p)), back = Array.ConvertAll(after, p => Math.Max(0, p));
        if (front.Concat(back).All(p => p == 0))
            return x;
        return Node("Pad", [x, Integers([.. front, .. back]), Number(number, x.Type)], x.Type, [.. Sizes(x).Select((d, i) => d + front[i] + back[i])]);
    }

    /// <summary>Zeros around x along one axis, so that x starts at <paramref name="start"/> of <paramref name="size"/>.</summary>
    public Value PadTo(Value x, int axis, long start, long size)
    {
        long[] sizes = Sizes(x), before = new long[sizes.Length], after = new long[sizes.Length];
        (before[axis], after[axis]) = (start, size - start - sizes[axis]);
        return Pad(x, before, after);
    }

    /// <summary>The values one behind the other along an axis.</summary>
    public Value Concat(IReadOnlyList<Value> values, int axis) => values.Count == 1 ? values[0]
        : Node("Concat", [.. values], values[0].Type, With(Sizes(values[0]), axis, values.Sum(v => Sizes(v)[axis])), ("axis", (long)axis));

    /// <summary>x[.., indices[j], ..] along an axis.</summary>
    public Value Gather(Value x, ReadOnlySpan<long> indices, int axis) =>
        Node("Gather", [x, Integers(indices)], x.Type, With(Sizes(x), axis, indices.Length), ("axis", (long)axis));

    /// <summary>A new axis of that size which is 1 where its index equals the given one and 0 elsewhere.</summary>
    public Value OneHot(Value indices, long size, int axis, ElementType type)
    {
        var shape = Sizes(indices).ToList();
        shape.Insert(axis, size);
        var hot = Node("OneHot", [indices, Integers(size), Numbers([0, 1], ElementType.Float, 2)], ElementType.Float, [.. shape], ("axis", (long)axis));
        return Cast(hot, type);
    }

    /// <summary>Puts updates into data: data[.., indices[i, j, ..], ..] = (or, with <paramref name="add"/>, +=) updates[i, j, ..] along an axis.</summary>
    /// <remarks>Adding needs opset 16.</remarks>
    public Value ScatterElements(Value data, Value indices, Value updates, int axis, bool add = false) =>
        Node("ScatterElements", [data, indices, updates], data.Type, Sizes(data), add ? [("axis", (long)axis), ("reduction", "add")] : [("axis", (long)axis)]);

    /// <summary>Any operator with one output; for what has no method of its own.</summary>
    public Value Node(string op, IReadOnlyList<Value?> inputs, ElementType type, IReadOnlyList<long> shape, params IReadOnlyList<(string, object)> attributes)
    {
        var value = graph.Emit(op, inputs, $"backward/{op}", attributes);
        (value.Type, value.Shape) = (type, [.. shape.Select(d => new Dimension(d))]);
        return value;
    }

    /// <summary>The sizes of a value's dimensions.</summary>
    /// <exception cref="NotSupportedException">A size is not known.</exception>
    public static long[] Sizes(Value value)
    {
        if (value.Shape is not { } shape || shape.Any(d => d.Size is null))
            throw new NotSupportedException($"The shape of value '{value.Name}' is {(value.Shape is { } s ? $"[{string.Join(",", s)}]" : "unknown")}; a backward graph needs every size. "
                + "Fix the input shapes (FixInputShapes) before asking for gradients.");
        return [.. shape.Select(d => d.Size!.Value)];
    }

    /// <summary>The shape that two shapes broadcast to.</summary>
    public static long[] Broadcast(ReadOnlySpan<long> a, ReadOnlySpan<long> b)
    {
        var result = new long[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= result.Length; i++)
        {
            long left = i <= a.Length ? a[^i] : 1, right = i <= b.Length ? b[^i] : 1;
            result[^i] = left == 1 ? right : left;
        }
        return result;
    }

    Value Binary(string op, Value a, Value b, ElementType? type = null) =>
        Node(op, [a, b], type ?? a.Type, Broadcast(Sizes(a), Sizes(b)));

    // Axes moved from an attribute to an input: ReduceSum in opset 13, the other reductions in 18.
    Value Reduce(string op, long axesAreInputSince, Value x, long[] axes, bool keepDims)
    {
        if (axes.Length == 0)
            return op == "ReduceSumSquare" ? Square(x) : x;
        var shape = Sizes(x).Select((d, i) => axes.Contains(i) ? 1 : d).Where((_, i) => keepDims || !axes.Contains(i)).ToArray();
        return opset >= axesAreInputSince
            ? Node(op, [x, Integers(axes)], x.Type, shape, ("keepdims", keepDims))
            : Node(op, [x], x.Type, shape, ("axes", axes), ("keepdims", keepDims));
    }

    static long[] With(long[] sizes, int axis, long size)
    {
        var copy = sizes.ToArray();
        copy[axis] = size;
        return copy;
    }
}
