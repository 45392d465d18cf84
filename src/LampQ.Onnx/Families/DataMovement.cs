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
                return facts.Shape(output) is { } target && IndexTensor.Count(target) == x.Indices.Length ? x with { Shape = target } : null;
            case "Transpose":
                int[] perm = node.Ints("perm") is { } given ? Array.ConvertAll(given, p => (int)p) : [.. Enumerable.Range(0, rank).Reverse()];
                int[] strides = Strides(x.Shape);
                return Take(x, Array.ConvertAll(perm, p => x.Shape[p]), 0, Array.ConvertAll(perm, p => strides[p]));
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
                        return Take(x, size, start * Strides(x.Shape)[axis], Strides(x.Shape));
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
                int outer = IndexTensor.Count(x.Shape.AsSpan(0, axis)), size = x.Shape[axis], inner = IndexTensor.Count(x.Shape.AsSpan(axis + 1));
                var picked = new int[outer * picks.Length * inner];
                for (int row = 0; row < outer; row++)
                    for (int i = 0; i < picks.Length; i++)
                        x.Indices.AsSpan((row * size + Wrap(picks[i], size)) * inner, inner).CopyTo(picked.AsSpan((row * picks.Length + i) * inner));
                return new([.. x.Shape[..axis], .. tensor.Shape.Select(d => (int)d), .. x.Shape[(axis + 1)..]], picked);
            }
            case "Concat":
            {
                int axis = Wrap(node.Int("axis"), rank);
                int outer = IndexTensor.Count(x.Shape.AsSpan(0, axis));
                var shape = (int[])x.Shape.Clone();
                shape[axis] = inputs.Sum(i => i.Shape[axis]);
                var joined = new List<int>(IndexTensor.Count(shape));
                for (int row = 0; row < outer; row++)
                    foreach (var input in inputs)
                    {
                        int length = input.Indices.Length / outer;
                        joined.AddRange(input.Indices.AsSpan(row * length, length));
                    }
                return new(shape, [.. joined]);
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
        int[] own = Strides(x.Shape), strides = (int[])own.Clone();
        int origin = 0;
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = Wrap(axes[i], rank), size = x.Shape[axis];
            bool forward = steps[i] > 0;
            long start = Math.Clamp(starts[i] < 0 ? starts[i] + size : starts[i], 0, forward ? size : size - 1);
            long end = Math.Clamp(ends[i] < 0 ? ends[i] + size : ends[i], forward ? 0 : -1, size);
            shape[axis] = (int)Math.Max(0, forward ? (end - start + steps[i] - 1) / steps[i] : (start - end - steps[i] - 1) / -steps[i]);
            origin += (int)start * own[axis];
            strides[axis] = own[axis] * (int)Math.Clamp(steps[i], -size, size);
        }
        return Take(x, shape, origin, strides);
    }

    /// <summary>Element [i, j, …] of the result is number origin + i·strides[0] + j·strides[1] + … of <paramref name="x"/>.</summary>
    static IndexTensor Take(IndexTensor x, int[] shape, int origin, int[] strides)
    {
        var result = new int[IndexTensor.Count(shape)];
        var at = new int[shape.Length];
        int from = origin;
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = x.Indices[from];
            for (int d = shape.Length - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++at[d] < shape[d])
                    break;
                from -= shape[d] * strides[d];
                at[d] = 0;
            }
        }
        return new(shape, result);
    }

    static int[] Strides(int[] shape)
    {
        var strides = new int[shape.Length];
        for (int d = shape.Length - 1, stride = 1; d >= 0; stride *= shape[d--])
            strides[d] = stride;
        return strides;
    }

    static int Wrap(long index, int size) => (int)(index < 0 ? index + size : index);
}
