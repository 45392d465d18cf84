namespace LampQ.Onnx;

/// <summary>A LayerNormalization while layers have no names yet.</summary>
sealed record NormCandidate(Value Input, Value Output, Use Gamma, Use? Beta);

/// <summary>Finds y = (x − mean)/sqrt(variance + ε)·γ + β over the last axis, as one op or spelled out, with constant γ and β.</summary>
static class LayerNormFinder
{
    public static List<NormCandidate> Find(GraphFacts facts)
    {
        var found = new List<NormCandidate>();
        foreach (var node in facts.Nodes)
            if ((node.Is("LayerNormalization") ? OfOp(node, facts) : node.Is("Div", "Mul") ? OfParts(node, facts) : null) is { } norm)
                found.Add(norm);
        return found;
    }

    static NormCandidate? OfOp(Node node, GraphFacts facts)
    {
        if (node.Input(0) is not { } x || node.Input(1) is not { } gamma || !facts.IsLastAxis(node.Int("axis", -1), x) || !IsVector(gamma, x, facts))
            return null;
        if (node.Input(2) is { } beta && !IsVector(beta, x, facts))
            return null;
        return new(x, node.Output, new Use(node, 1), node.Input(2) is null ? null : new Use(node, 2));
    }

    // (x − mean(x)) / sqrt(mean((x − mean(x))²) + ε), with the square as Pow or Mul and the root as divisor or reciprocal factor.
    static NormCandidate? OfParts(Node node, GraphFacts facts)
    {
        if (node.Inputs.Count != 2)
            return null;
        foreach (var (top, bottom) in node.Is("Div") ? [(0, 1)] : new[] { (0, 1), (1, 0) })
        {
            if (Centred(node.Input(top), facts) is not { } x || Deviation(node.Input(bottom), node.Is("Div"), facts) != x)
                continue;
            if (node.Output.OnlyConsumer is not { } scale || !scale.Is("Mul") || OtherVector(scale, node.Output, x, facts) is not { } gamma)
                return null;
            return scale.Output.OnlyConsumer is { } shift && shift.Is("Add") && OtherVector(shift, scale.Output, x, facts) is { } beta
                ? new(x, shift.Output, gamma, beta)
                : new(x, scale.Output, gamma, null);
        }
        return null;
    }

    /// <summary>x of x − mean(x), or null.</summary>
    static Value? Centred(Value? value, GraphFacts facts) =>
        value?.Producer is { } sub && sub.Is("Sub") && sub.Input(0) is { } x && MeanOf(sub.Input(1), facts) == x ? x : null;

    /// <summary>x of sqrt(mean((x − mean(x))² + ε), or of its reciprocal; null for anything else.</summary>
    static Value? Deviation(Value? value, bool asDivisor, GraphFacts facts)
    {
        if (value?.Producer is not { } root)
            return null;
        if (!asDivisor)
        {
            if (root.Is("Reciprocal") && root.Input(0)?.Producer is { } inner)
                root = inner;
            else if (root.Is("Div") && facts.Scalar(root.Input(0)) == 1 && root.Input(1)?.Producer is { } divisor)
                root = divisor;
            else
                return null;
        }
        Value? radicand = root.Is("Sqrt") ? root.Input(0) : root.Is("Pow") && facts.Scalar(root.Input(1)) == .5f ? root.Input(0) : null;
        if (radicand?.Producer is not { } add || !add.Is("Add"))
            return null;
        var variance = facts.Scalar(add.Input(1)) is not null ? add.Input(0) : facts.Scalar(add.Input(0)) is not null ? add.Input(1) : null;
        if (MeanOf(variance, facts)?.Producer is not { } square)
            return null;
        return square.Is("Pow") && facts.Scalar(square.Input(1)) == 2 || square.Is("Mul") && square.Input(0) == square.Input(1)
            ? Centred(square.Input(0), facts) : null;
    }

    /// <summary>What a ReduceMean over the last axis, kept, averages.</summary>
    static Value? MeanOf(Value? value, GraphFacts facts)
    {
        if (value?.Producer is not { } mean || !mean.Is("ReduceMean") || mean.Int("keepdims", 1) != 1 || mean.Input(0) is not { } x)
            return null;
        var axes = mean.Ints("axes") ?? facts.Integers(mean.Input(1));
        return axes is [var axis] && facts.IsLastAxis(axis, x) ? x : null;
    }

    static Use? OtherVector(Node node, Value known, Value x, GraphFacts facts)
    {
        int index = node.Input(0) == known ? 1 : 0;
        return node.Input(index) is { } other && IsVector(other, x, facts) ? new Use(node, index) : null;
    }

    /// <summary>True for a constant with an element a channel of <paramref name="x"/>: one number for all of them is broadcast, but is no vector of a norm.</summary>
    static bool IsVector(Value value, Value x, GraphFacts facts) => facts.Constant(value) is { Rank: >= 1 } tensor && tensor.Count == tensor.Shape[^1]
        && (facts.LastSize(x) is { } channels ? tensor.Count == channels : tensor.Count > 1) && tensor.Type is ElementType.Float or ElementType.Float16 or ElementType.BFloat16 or ElementType.Double;
}
