namespace LampQ.Onnx;

/// <summary>
/// Input X and output gradient G of a linear layer, sample by sample: the gradient of sample n is scale·XₙᵀGₙ.
/// </summary>
/// <param name="X">[B, T, K], or [B, groups, T, K] for a convolution in groups.</param>
/// <param name="G">[B, T, N], or [B, groups, T, N].</param>
/// <param name="Scale">Factor of the product (Gemm's alpha).</param>
sealed record PerSampleRows(Value X, Value G, double Scale)
{
    /// <summary>Brings a layer's tensors into that form.</summary>
    public static PerSampleRows Of(GraphEmitter emit, Node node, int weightIndex, Value gradient, long batch)
    {
        var x = node.Inputs[1 - weightIndex]!;
        if (node.Is("Conv"))
            return OfConv(emit, node, x, gradient);
        bool isTransposed = weightIndex == 0;
        if (node.Is("Gemm"))
        {
            bool inputTransposed = node.Int(isTransposed ? "transB" : "transA") != 0;
            x = inputTransposed != isTransposed ? emit.TransposeMatrix(x) : x;
            gradient = isTransposed ? emit.TransposeMatrix(gradient) : gradient;
            return new(Split(emit, node, x, batch), Split(emit, node, gradient, batch), node.Float("alpha", 1));
        }
        if (!node.Is("MatMul"))
            throw new NotSupportedException($"Node {node} is no linear layer the Fisher norm is known for; MatMul, Gemm and Conv are.");
        if (isTransposed)
            (x, gradient) = (emit.TransposeMatrix(x), emit.TransposeMatrix(gradient));
        return new(Split(emit, node, x, batch), Split(emit, node, gradient, batch), 1);
    }

    /// <summary>‖XₙᵀGₙ‖² for each sample, [B].</summary>
    public Value SquaredNorm(GraphEmitter emit)
    {
        long[] x = GraphEmitter.Sizes(X), g = GraphEmitter.Sizes(G);
        long tokens = x[^2], inputs = x[^1], outputs = g[^1];
        long[] axes = [.. Enumerable.Range(1, x.Length - 1).Select(i => (long)i)];
        var norm = tokens * (inputs + outputs) < inputs * outputs
            ? emit.ReduceSum(emit.Mul(emit.MatMul(X, emit.TransposeMatrix(X)), emit.MatMul(G, emit.TransposeMatrix(G))), axes, keepDims: false)
            : emit.ReduceSumSquare(emit.MatMul(emit.TransposeMatrix(X), G), axes, keepDims: false);
        return emit.Mul(norm, Scale * Scale);
    }

    /// <summary>
    /// [.., K] as [B, T, K]. A first axis of B, or of a multiple (tokens or windows of one sample side by side, as [B·T, K]), holds the samples
    /// outermost; where another axis alone is B ([T, B, K], sequence first) it is moved to the front.
    /// </summary>
    static Value Split(GraphEmitter emit, Node node, Value x, long batch)
    {
        long[] sizes = GraphEmitter.Sizes(x);
        int rank = sizes.Length;
        long rows = sizes[..^1].Aggregate(1L, (product, d) => product * d);
        if (sizes[0] != batch && batch > 1)
        {
            int axis = Array.IndexOf(sizes, batch, 1, Math.Max(0, rank - 2));
            if (axis > 0 && sizes[0] % batch == 0)
                throw new NotSupportedException($"The input or output of node {node} has the shape [{string.Join(",", sizes)}]: "
                    + $"the batch of {batch} may be axis {axis} or lie in axis 0. "
                    + "Choose a batch size that no other axis is a multiple of.");
            if (axis > 0)
                x = emit.Transpose(x, [axis, .. Enumerable.Range(0, rank).Where(i => i != axis).Select(i => (long)i)]);
            else if (sizes[0] % batch != 0)
                throw new NotSupportedException($"The input or output of node {node} has the shape [{string.Join(",", sizes)}], "
                    + $"in which no axis holds the batch of {batch}. Leave the layer out.");
        }
        return emit.Reshape(x, batch, rows / batch, sizes[^1]);
    }

    // A convolution is a linear layer whose rows are its patches.
    static PerSampleRows OfConv(GraphEmitter emit, Node node, Value x, Value gradient)
    {
        long[] weight = GraphEmitter.Sizes(node.Inputs[1]!), sizes = GraphEmitter.Sizes(x);
        long groups = node.Int("group", 1);
        var windows = Windows.Of(node, weight[2..]);
        var patches = emit.Reshape(windows.Gather(emit, x), sizes[0], groups, weight[1] * windows.KernelCount, windows.OutputCount);
        var outputs = emit.Reshape(gradient, sizes[0], groups, weight[0] / groups, windows.OutputCount);
        Value Rows(Value channelsFirst)
        {
            var rows = emit.TransposeMatrix(channelsFirst);
            long[] all = GraphEmitter.Sizes(rows);
            return groups == 1 ? emit.Reshape(rows, all[0], all[2], all[3]) : rows;
        }
        return new(Rows(patches), Rows(outputs), 1);
    }
}
