namespace LampQ.Onnx;

/// <summary>A tensor whose elements say where they come from: flat positions in some source value.</summary>
/// <param name="Shape">Sizes of the dimensions.</param>
/// <param name="Indices">Row-major positions in the source.</param>
sealed record IndexTensor(int[] Shape, int[] Indices)
{
    /// <summary>0, 1, 2, … in the given shape: the source itself.</summary>
    public static IndexTensor Counting(int[] shape) => new(shape, [.. Enumerable.Range(0, Count(shape))]);

    public static int Count(ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int size in shape)
            count = checked(count * size);
        return count;
    }
}

/// <summary>
/// The operators that only move elements, each as a function on <see cref="IndexTensor"/>. Any chain of them, in any order, is followed
/// by running it on positions instead of numbers.
/// </summary>
static class DataMovement
{
    /// <summary>True for operators that move, copy or drop elements and never compute.</summary>
    public static bool Moves(Node node) => node.Is("Identity", "Cast", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Split", "Slice", "Gather", "Concat");

    /// <summary>The inputs that carry data, in order; the rest says how to move it.</summary>
    public static IEnumerable<Value> Data(Node node) => (node.Is("Concat") ? node.Inputs : node.Inputs.Take(1)).OfType<Value>();

    /// <summary>Runs one operator on positions.</summary>
    /// <param name="node">One for which <see cref="Moves"/> holds.</param>
    /// <param name="output">The output wanted.</param>
    /// <param name="inputs">One tensor for each of <see cref="Data"/>.</param>
    /// <param name="facts">Shapes and constants.</param>
    /// <returns>The output, or null when a shape or a parameter is not known before the model runs.</returns>
    public static IndexTensor? Apply(Node node, Value output, IReadOnlyList<IndexTensor> inputs, GraphFacts facts)
    {
        var x = inputs[0];
        int rank = x.Shape.Length;
        switch (node.OpType)
        {
            case "Identity" or "Cast" or "Dropout":
                return x;
            case "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze":
                return facts.Shape(output) is { } shape && IndexTensor.Count(shape) == x.Indices.Length ? x with { Shape = shape } : null;
            case "Transpose":
                int[] perm = node.Ints("perm") is { } given ? Array.ConvertAll(given, p => (int)p) : [.. Enumerable.Range(0, rank).Reverse()];
                return Take(x, Array.ConvertAll(perm, p => x.Shape[p]), (at, from) =>
                {
                    for (int i = 0; i < perm.Length; i++)
                        from[perm[i]] = at[i];
                });
            case "Split":
            {
                int axis = Wrap(node.Int("axis"), rank);
                // Sizes come from inferred shapes, which cover attribute, input and equal parts alike.
                int start = 0;
                foreach (var part in node.Outputs)
                {
                    if (part is null || facts.Shape(part) is not { } size)
                        return null;
                    if (part == output)
                        return Take(x, size, (at, from) =>
                        {
                            at.CopyTo(from);
                            from[axis] += start;
                        });
                    start += size[axis];
                }
                return null;
            }
            case "Slice":
                return Slice(node, x, facts);
            case "Gather":
            {
                int axis = Wrap(node.Int("axis"), rank);
                if (node.Input(1) is not { } wanted || facts.Integers(wanted) is not { } picks || facts.Constant(wanted) is not { } tensor)
                    return null;
                int[] pickShape = [.. tensor.Shape.Select(d => (int)d)];
                int[] gathered = [.. x.Shape[..axis], .. pickShape, .. x.Shape[(axis + 1)..]];
                return Take(x, gathered, (at, from) =>
                {
                    int pick = 0;
                    for (int i = 0; i < pickShape.Length; i++)
                        pick = pick * pickShape[i] + at[axis + i];
                    at[..axis].CopyTo(from);
                    from[axis] = Wrap(picks[pick], x.Shape[axis]);
                    at[(axis + pickShape.Length)..].CopyTo(from[(axis + 1)..]);
                });
            }
            case "Concat":
            {
                int axis = Wrap(node.Int("axis"), rank);
                int outer = IndexTensor.Count(x.Shape.AsSpan(0, axis));
                var total = (int[])x.Shape.Clone();
                total[axis] = inputs.Sum(i => i.Shape[axis]);
                var joined = new List<int>(IndexTensor.Count(total));
                for (int row = 0; row < outer; row++)
                    foreach (var input in inputs)
                    {
                        int length = input.Indices.Length / outer;
                        joined.AddRange(input.Indices.AsSpan(row * length, length));
                    }
                return new(total, [.. joined]);
            }
            default: return null;
        }
    }

    static IndexTensor? Slice(Node node, IndexTensor x, GraphFacts facts)
    {
        int rank = x.Shape.Length;
        if (facts.Integers(node.Input(1)) is not { } starts || facts.Integers(node.Input(2)) is not { } ends)
            return null;
        long[]? axes = node.Input(3) is null ? [.. Enumerable.Range(0, starts.Length)] : facts.Integers(node.Input(3));
        long[]? steps = node.Input(4) is null ? [.. starts.Select(_ => 1L)] : facts.Integers(node.Input(4));
        if (axes is null || steps is null)
            return null;
        var shape = (int[])x.Shape.Clone();
        var first = new int[rank];
        var step = new int[rank];
        Array.Fill(step, 1);
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = Wrap(axes[i], rank), size = x.Shape[axis];
            bool forward = steps[i] > 0;
            long start = Math.Clamp(starts[i] < 0 ? starts[i] + size : starts[i], 0, forward ? size : size - 1);
            long end = Math.Clamp(ends[i] < 0 ? ends[i] + size : ends[i], forward ? 0 : -1, size);
            shape[axis] = (int)Math.Max(0, forward ? (end - start + steps[i] - 1) / steps[i] : (start - end - steps[i] - 1) / -steps[i]);
            (first[axis], step[axis]) = ((int)start, (int)steps[i]);
        }
        return Take(x, shape, (at, from) =>
        {
            for (int i = 0; i < rank; i++)
                from[i] = first[i] + at[i] * step[i];
        });
    }

    /// <summary>Fills a new shape; <paramref name="locate"/> turns a position in it into one in <paramref name="x"/>.</summary>
    static IndexTensor Take(IndexTensor x, int[] shape, Locate locate)
    {
        var result = new int[IndexTensor.Count(shape)];
        Span<int> at = stackalloc int[shape.Length], from = stackalloc int[x.Shape.Length];
        at.Clear();
        for (int i = 0; i < result.Length; i++)
        {
            locate(at, from);
            int flat = 0;
            for (int d = 0; d < from.Length; d++)
                flat = flat * x.Shape[d] + from[d];
            result[i] = x.Indices[flat];
            for (int d = shape.Length - 1; d >= 0 && ++at[d] == shape[d]; d--)
                at[d] = 0;
        }
        return new(shape, result);
    }

    static int Wrap(long index, int size) => (int)(index < 0 ? index + size : index);

    delegate void Locate(Span<int> at, Span<int> from);
}
