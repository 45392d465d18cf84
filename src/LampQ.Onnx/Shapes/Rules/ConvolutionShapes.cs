namespace LampQ.Onnx;

/// <summary>Windows that slide over an image: convolution and pooling, layout [N, C, spatial...].</summary>
static class ConvolutionShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("Conv", n => Convolution(n, n.Type(0), n.Shape(0), n.Shape(1))),
        ("ConvInteger", n => Convolution(n, ElementType.Int32, n.Shape(0), n.Shape(1))),
        ("QLinearConv", n => Convolution(n, n.Type(7), n.Shape(0), n.Shape(3))),
        ("ConvTranspose", Transposed),
        .. new[] { "MaxPool", "AveragePool", "LpPool" }.Select(op => (op, (ShapeRule)Pool)),
        .. new[] { "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool" }.Select(op => (op, (ShapeRule)GlobalPool)),
    ];

    static void Convolution(NodeShapes n, ElementType type, Dimension[]? x, Dimension[]? w)
    {
        if (x is null || w is null)
        {
            n.Set(0, type, w is null ? null : [x is null ? Dimension.Unknown : x[0], w[0], .. Enumerable.Repeat(Dimension.Unknown, w.Length - 2)]);
            return;
        }
        long group = n.Node.Int("group", 1);
        if (x.Length < 3 || x.Length != w.Length)
            throw n.Contradiction($"input {NodeShapes.Show(x)} and weight {NodeShapes.Show(w)} must have the same rank, 3 or more");
        if (group < 1)
            throw n.Contradiction($"group {group} is not positive");
        if (x[1].Size is { } channels && w[1].Size is { } perGroup && channels != perGroup * group)
            throw n.Contradiction($"the input has {channels} channels, but the weight {NodeShapes.Show(w)} with {group} group(s) expects {perGroup * group}");
        if (w[0].Size is { } filters && filters % group != 0)
            throw n.Contradiction($"{filters} filters cannot be divided into {group} groups");
        Dimension[] kernel = n.Node.Ints("kernel_shape") is { } stated ? [.. stated.Select(k => (Dimension)k)] : w[2..];
        n.Set(0, type, [x[0], w[0], .. Windows(n, x[2..], kernel)]);
    }

    static void Pool(NodeShapes n)
    {
        if (n.Shape(0) is { Length: >= 3 } x && n.Node.Ints("kernel_shape") is { } kernel)
        {
            Dimension[] shape = [.. x[..2], .. Windows(n, x[2..], [.. kernel.Select(k => (Dimension)k)])];
            n.Set(0, n.Type(0), shape);
            n.Set(1, ElementType.Int64, shape);
        }
        else
            n.Set(0, n.Type(0), null);
    }

    static void GlobalPool(NodeShapes n) =>
        n.Set(0, n.Type(0), n.Shape(0) is { Length: >= 2 } x ? [.. x[..2], .. Enumerable.Repeat((Dimension)1, x.Length - 2)] : null);

    /// <summary>Positions of the window along each axis: floor((size + pads − dilation·(kernel − 1) − 1) / stride) + 1.</summary>
    static Dimension[] Windows(NodeShapes n, Dimension[] spatial, Dimension[] kernel)
    {
        int rank = spatial.Length;
        long[] strides = Settings(n, "strides", rank, 1), dilations = Settings(n, "dilations", rank, 1), pads = Settings(n, "pads", 2 * rank, 0);
        if (kernel.Length != rank)
            throw n.Contradiction($"the kernel has {kernel.Length} axes, the image has {rank}");
        string automatic = n.Node.String("auto_pad", "NOTSET");
        bool ceil = n.Node.Int("ceil_mode") != 0;
        var result = new Dimension[rank];
        for (int i = 0; i < rank; i++)
        {
            if (strides[i] <= 0)
                throw n.Contradiction($"stride {strides[i]} is not positive");
            if (automatic is "SAME_UPPER" or "SAME_LOWER")
            {
                result[i] = SymbolicDimension.Divide(SymbolicDimension.Add(spatial[i], strides[i] - 1), strides[i]);
                continue;
            }
            long padding = automatic == "VALID" ? 0 : pads[i] + pads[i + rank];
            var reach = SymbolicDimension.Add(SymbolicDimension.Multiply(SymbolicDimension.Add(kernel[i], -1), dilations[i]), 1);
            var last = SymbolicDimension.Subtract(SymbolicDimension.Add(spatial[i], padding), reach);
            if (last.Size < 0)
                throw n.Contradiction($"a window of {reach} does not fit an image of {spatial[i]} with padding {padding}");
            result[i] = SymbolicDimension.Add(SymbolicDimension.Divide(ceil ? SymbolicDimension.Add(last, strides[i] - 1) : last, strides[i]), 1);
            // A last window that would start in the padding behind the image is left out.
            if (ceil && result[i].Size is { } count && spatial[i].Size is { } size && (count - 1) * strides[i] >= size + pads[i])
                result[i] = count - 1;
        }
        return result;
    }

    static void Transposed(NodeShapes n)
    {
        if (n.Shape(0) is not { Length: >= 3 } x || n.Shape(1) is not { } w || w.Length != x.Length)
        {
            n.Set(0, n.Type(0), null);
            return;
        }
        int rank = x.Length - 2;
        if (x[1].Size is { } channels && w[0].Size is { } expected && channels != expected)
            throw n.Contradiction($"the input has {channels} channels, the weight {NodeShapes.Show(w)} expects {expected}");
        long[] strides = Settings(n, "strides", rank, 1), dilations = Settings(n, "dilations", rank, 1), pads = Settings(n, "pads", 2 * rank, 0), extra = Settings(n, "output_padding", rank, 0);
        string automatic = n.Node.String("auto_pad", "NOTSET");
        // Also with the axes of batch and channels in front.
        long[]? kernel = n.Node.Ints("kernel_shape"), stated = n.Node.Ints("output_shape");
        if (kernel is not null && kernel.Length != rank)
            throw n.Contradiction($"attribute 'kernel_shape' has {kernel.Length} entries, expected {rank}");
        if (stated is not null && stated.Length != rank && stated.Length != rank + 2)
            throw n.Contradiction($"attribute 'output_shape' has {stated.Length} entries, expected {rank}");
        var result = new Dimension[rank];
        for (int i = 0; i < rank; i++)
        {
            var reach = SymbolicDimension.Multiply(SymbolicDimension.Add(kernel?[i] ?? w[i + 2], -1), dilations[i]);
            var full = SymbolicDimension.Add(SymbolicDimension.Multiply(SymbolicDimension.Add(x[i + 2], -1), strides[i]), SymbolicDimension.Add(reach, 1 + extra[i]));
            result[i] = stated is not null ? stated[^(rank - i)]
                : automatic is "SAME_UPPER" or "SAME_LOWER" ? SymbolicDimension.Multiply(x[i + 2], strides[i])
                : SymbolicDimension.Add(full, automatic == "VALID" ? 0 : -pads[i] - pads[i + rank]);
        }
        n.Set(0, n.Type(0), [x[0], SymbolicDimension.Multiply(w[1], n.Node.Int("group", 1)), .. result]);
    }

    static long[] Settings(NodeShapes n, string name, int count, long whenAbsent)
    {
        var list = n.Node.Ints(name) ?? [.. Enumerable.Repeat(whenAbsent, count)];
        return list.Length == count ? list : throw n.Contradiction($"attribute '{name}' has {list.Length} entries, expected {count}");
    }
}
