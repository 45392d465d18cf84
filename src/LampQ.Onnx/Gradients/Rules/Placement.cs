namespace LampQ.Onnx;

/// <summary>Puts slices back where constant indices took them from.</summary>
static class Placement
{
    /// <summary>result[.., indices[j], ..] = Σ of the x[.., j, ..] with that index, zeros elsewhere; <paramref name="size"/> long along the axis.</summary>
    public static Value Spread(GraphEmitter emit, Value x, int axis, long[] indices, long size)
    {
        long[] sizes = GraphEmitter.Sizes(x);
        if (indices.Length > 0 && indices.Select((index, j) => index - j).Distinct().Count() == 1)
            return emit.PadTo(x, axis, indices[0], size);
        if (indices.Distinct().Count() == indices.Length)
        {
            // Each place holds one slice or none; places that hold none take the slice of zeros behind the last.
            var from = new long[size];
            Array.Fill(from, indices.Length);
            for (int j = 0; j < indices.Length; j++)
                from[indices[j]] = j;
            return emit.Gather(emit.PadTo(x, axis, 0, indices.Length + 1), from, axis);
        }
        // Repeated places add up: the product of the 0/1 matrix [size, indices] with x [before, indices, behind].
        var ones = new float[size * indices.Length];
        for (int j = 0; j < indices.Length; j++)
            ones[indices[j] * indices.Length + j] = 1;
        return Spread(emit, x, axis, emit.Numbers(ones, x.Type, size, indices.Length), size);
    }

    /// <summary>The same with a 0/1 matrix [size, n], where x has n elements along the axis.</summary>
    public static Value Spread(GraphEmitter emit, Value x, int axis, Value places, long size)
    {
        long[] sizes = GraphEmitter.Sizes(x);
        long before = sizes[..axis].Aggregate(1L, (product, d) => product * d), behind = sizes[(axis + 1)..].Aggregate(1L, (product, d) => product * d);
        var summed = emit.MatMul(places, emit.Reshape(x, before, sizes[axis], behind));
        sizes[axis] = size;
        return emit.Reshape(summed, sizes);
    }
}
