namespace LampQ.Onnx;

/// <summary>A linear layer while its part in the model is being found out.</summary>
sealed class LinearCandidate
{
    public required Node Node { get; init; }
    public required Value Weight { get; init; }
    public required Tensor Tensor { get; init; }
    public required int WeightIndex { get; init; }
    public required bool IsRowPerOutput { get; init; }
    public required int OutputChannels { get; init; }
    public required int InputChannels { get; init; }
    public Value? Bias { get; init; }
    public Node? BiasAdd { get; init; }

    public Value Input => Node.Input(1 - WeightIndex)!;
    public Value Output => (BiasAdd ?? Node).Output;

    /// <summary>The part in the model; null until it is found.</summary>
    public LayerType? Type { get; set; }

    public int Block { get; set; } = -1;

    /// <summary>The axis of the channels, counted from the end: 1 where the weight stands on the right, 2 where it stands on the left.</summary>
    public int ChannelAxisFromEnd => WeightIndex == 0 && !Node.Is("Conv") ? 2 : 1;
}

/// <summary>Finds the operations y = x·Wᵀ + b with a constant weight of rank 2, and convolutions that could be a patch embedding.</summary>
static class LinearCandidates
{
    public static List<LinearCandidate> Find(GraphFacts facts, Rejections rejections)
    {
        var found = new List<LinearCandidate>();
        foreach (var node in facts.Nodes)
        {
            string? reason = null;
            var candidate = node.OpType switch
            {
                "MatMul" when node.Is("MatMul") => OfMatMul(node, facts, out reason),
                "Gemm" when node.Is("Gemm") => OfGemm(node, facts, out reason),
                "Conv" when node.Is("Conv") => OfConv(node, facts, out reason),
                _ => null,
            };
            if (candidate is not null)
                found.Add(candidate);
            else if (reason is not null)
                rejections.Add(node, reason);
        }
        return found;
    }

    static LinearCandidate? OfMatMul(Node node, GraphFacts facts, out string? reason)
    {
        reason = null;
        if (node.Input(0) is not { } left || node.Input(1) is not { } right)
            return null;
        int index = facts.Constant(right) is not null ? 1 : 0;
        var weight = index == 1 ? right : left;
        if (facts.Constant(weight) is not { } tensor)
            return null; // a product of two activations
        if (facts.Constant(index == 1 ? left : right) is not null)
            reason = "Both factors are the same in every run. Fold constants first.";
        if (reason is not null)
            return null;
        if ((reason = RefuseWeight(tensor)) is not null)
            return null;
        int inputs = (int)tensor.Shape[index == 1 ? 0 : 1], outputs = (int)tensor.Shape[index];
        if (index == 0)
            outputs = (int)tensor.Shape[0];
        var (bias, add) = index == 1 ? BiasBehind(node.Output, outputs, facts) : default;
        return new LinearCandidate
        {
            Node = node,
            Weight = weight,
            Tensor = tensor,
            WeightIndex = index,
            IsRowPerOutput = index == 0,
            OutputChannels = outputs,
            InputChannels = inputs,
            Bias = bias,
            BiasAdd = add,
        };
    }

    static LinearCandidate? OfGemm(Node node, GraphFacts facts, out string? reason)
    {
        reason = null;
        if (node.Input(0) is not { } x || node.Input(1) is not { } weight)
            return null;
        if (facts.Constant(weight) is not { } tensor)
        {
            if (facts.Constant(x) is not null)
                reason = "The weight is the first input of Gemm; it is looked for as the second. Write the product as MatMul.";
            return null;
        }
        if ((reason = RefuseWeight(tensor)) is not null)
            return null;
        bool transposed = node.Int("transB") != 0;
        int outputs = (int)tensor.Shape[transposed ? 0 : 1];
        var bias = node.Input(2);
        if (node.Int("transA") != 0)
            reason = "Gemm with transA = 1 is not a linear layer over the last axis. Transpose the input before it.";
        else if (node.Float("alpha", 1) != 1 || bias is not null && node.Float("beta", 1) != 1)
            reason = "Gemm has alpha or beta other than 1. Fold the factor into weight and bias.";
        else if (bias is not null && (facts.Constant(bias) is not { } b || !IsVector(b, outputs)))
            reason = $"The third input of Gemm is not a constant bias of {outputs} elements. Add it by an Add behind the product.";
        if (reason is not null)
            return null;
        var behind = bias is null ? BiasBehind(node.Output, outputs, facts) : (bias, null);
        return new LinearCandidate
        {
            Node = node,
            Weight = weight,
            Tensor = tensor,
            WeightIndex = 1,
            IsRowPerOutput = transposed,
            OutputChannels = outputs,
            InputChannels = (int)tensor.Shape[transposed ? 1 : 0],
            Bias = behind.Item1,
            BiasAdd = behind.Item2,
        };
    }

    static LinearCandidate? OfConv(Node node, GraphFacts facts, out string? reason)
    {
        reason = null;
        if (node.Input(1) is not { } weight)
            return null;
        var bias = node.Input(2);
        if (facts.Constant(weight) is not { } tensor)
            reason = "The kernel of the convolution is computed by the model; only constant weights can be quantized.";
        else if (!IsFloat(tensor))
            reason = $"The kernel of the convolution holds {tensor.Type}; float is expected.";
        else if (tensor.Rank != 4 || node.Int("group", 1) != 1 || node.Ints("dilations") is { } dilations && dilations.Any(d => d != 1)
            || node.Ints("pads") is { } pads && pads.Any(p => p != 0) || node.String("auto_pad", "NOTSET") is "SAME_UPPER" or "SAME_LOWER"
            || !(node.Ints("strides") ?? [1, 1]).SequenceEqual(tensor.Shape.Skip(2)))
            reason = "A convolution that is no patch embedding (one group, stride = kernel, no padding, no dilation) stays float.";
        else if (bias is not null && (facts.Constant(bias) is not { } b || !IsVector(b, tensor.Shape[0])))
            reason = "The bias of the convolution is not a constant vector.";
        if (reason is not null)
            return null;
        tensor = facts.Constant(weight)!;
        return new LinearCandidate
        {
            Node = node,
            Weight = weight,
            Tensor = tensor,
            WeightIndex = 1,
            IsRowPerOutput = true,
            OutputChannels = (int)tensor.Shape[0],
            InputChannels = (int)(tensor.Shape[1] * tensor.Shape[2] * tensor.Shape[3]),
            Bias = bias,
        };
    }

    static string? RefuseWeight(Tensor tensor) =>
        !IsFloat(tensor) ? $"The weight holds {tensor.Type}; a float weight is expected."
        : tensor.Rank != 2 ? $"The weight has rank {tensor.Rank}; rank 2 [K, N] can be quantized. Fold or reshape it first."
        : tensor.Count == 0 ? "The weight is empty."
        : null;

    static bool IsFloat(Tensor tensor) => tensor.Type is ElementType.Float or ElementType.Float16 or ElementType.BFloat16 or ElementType.Double;

    static (Value?, Node?) BiasBehind(Value product, int outputs, GraphFacts facts)
    {
        if (product.OnlyConsumer is not { } add || !add.Is("Add") || add.Inputs.Count != 2)
            return default;
        var other = add.Input(0) == product ? add.Input(1) : add.Input(0);
        // A vector of one element may be meant for every channel of something else: only the layer's own rank counts.
        return other is not null && facts.Constant(other) is { } tensor && IsVector(tensor, outputs) ? (other, add) : default;
    }

    static bool IsVector(Tensor tensor, long size) => IsFloat(tensor) && tensor.Rank >= 1 && tensor.Count == size && tensor.Shape[^1] == size;
}

/// <summary>Collects what is not recognised, one reason a node.</summary>
sealed class Rejections(GraphFacts facts)
{
    readonly Dictionary<Node, string> reasons = [];

    public void Add(Node node, string reason) => reasons.TryAdd(node, reason);

    public bool Contains(Node node) => reasons.ContainsKey(node);

    public IReadOnlyList<Unrecognized> ToList() => [.. reasons.OrderBy(r => facts.Position(r.Key))
        .Select(r => new Unrecognized(r.Key.Name.Length > 0 ? r.Key.Name : r.Key.Outputs.FirstOrDefault(o => o is not null)?.Name ?? "", r.Key.OpType, r.Value))];
}
