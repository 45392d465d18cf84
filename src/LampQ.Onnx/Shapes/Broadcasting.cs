namespace LampQ.Onnx;

/// <summary>Multidirectional broadcasting as ONNX defines it: shapes are aligned at the last dimension, and 1 stretches.</summary>
static class Broadcasting
{
    /// <summary>The common shape; null when a rank is unknown.</summary>
    /// <exception cref="InvalidDataException">Two sizes differ and neither is 1.</exception>
    public static Dimension[]? Of(NodeShapes node, params ReadOnlySpan<Dimension[]?> shapes)
    {
        int rank = 0;
        foreach (var shape in shapes)
        {
            if (shape is null)
                return null;
            rank = Math.Max(rank, shape.Length);
        }
        var result = new Dimension[rank];
        Array.Fill(result, (Dimension)1);
        foreach (var shape in shapes)
            for (int i = 0; i < shape!.Length; i++)
            {
                int at = rank - shape.Length + i;
                result[at] = Of(node, result[at], shape[i]);
            }
        return result;
    }

    /// <summary>The common size of two dimensions.</summary>
    public static Dimension Of(NodeShapes node, Dimension a, Dimension b)
    {
        if (a == b || b.Size == 1)
            return a;
        if (a.Size == 1)
            return b;
        if (a.Size is { } x && b.Size is { } y)
            throw node.Contradiction($"dimensions of {x} and {y} elements cannot be broadcast; they must be equal or one of them 1");
        // A size other than 1 decides: the nameless or named one can only be 1 or the same.
        return a.Size is not null ? a : b.Size is not null ? b : Dimension.Unknown;
    }

    /// <summary>For every element of a tensor of shape <paramref name="target"/>, the element of the smaller tensor that stretches to it.</summary>
    public static int[] Sources(ReadOnlySpan<long> shape, ReadOnlySpan<long> target)
    {
        long count = 1;
        foreach (long size in target)
            count *= size;
        var sources = new int[count];
        for (int i = 0; i < count; i++)
        {
            long rest = i, source = 0, stride = 1;
            for (int d = target.Length - 1, s = shape.Length - 1; d >= 0; d--, s--)
            {
                long index = rest % target[d];
                rest /= target[d];
                if (s < 0)
                    continue;
                source += shape[s] == 1 ? 0 : index * stride;
                stride *= shape[s];
            }
            sources[i] = (int)source;
        }
        return sources;
    }

    /// <summary>The common shape of two tensors of known shape; null when they cannot be broadcast.</summary>
    public static long[]? Of(ReadOnlySpan<long> a, ReadOnlySpan<long> b)
    {
        var result = new long[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= result.Length; i++)
        {
            long x = i <= a.Length ? a[^i] : 1, y = i <= b.Length ? b[^i] : 1;
            if (x != y && x != 1 && y != 1)
                return null;
            result[^i] = x == 1 ? y : x;
        }
        return result;
    }
}
