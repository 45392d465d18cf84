using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>
/// Lowers attentions: Q, K and V become column ranges of the codes of the layers they come from, whose rows are put in the order head, channel, and
/// whose output multiplier holds 1/scale and every factor in front of the quantizer of each operand.
/// </summary>
sealed class AttentionLowering(GraphLowering lowering)
{
    // Softmax may round to a hair above 1.
    const float LargestProbability = 1.0001f;

    /// <summary>Everything known about one operand.</summary>
    sealed record Operand(LinearSite Site, AffineQuantizer Quantizer, double Before, double Behind, int[] Rows);

    /// <summary>Lowers one attention of the float view, or reports why not.</summary>
    public void Lower(Attention attention)
    {
        string name = $"attention.{attention.Block}";
        if (TryLower(attention, name, out string op) is { } reason)
            lowering.Left(name, "attention", reason);
        else
            lowering.Done(name, "attention", op);
    }

    string? TryLower(Attention attention, string name, out string op)
    {
        op = "";
        var graph = lowering.Graph;
        if (InGraph(attention.Scores) is not { } scores || InGraph(attention.Softmax) is not { } softmax || InGraph(attention.Context) is not { } context)
            return "Its operators are not those of the float model.";
        if (!attention.KeepsTokenOrder || attention.HeadsShareBatchAxis)
            return "Images, heads and tokens share an axis, change their order or are chosen on the way; rows of the layers are expected to be the tokens of each image.";
        if (OperandOf(scores.Input(0)!, attention.Q, attention.QChannels, out var q) is { } reasonOfQ)
            return reasonOfQ;
        if (OperandOf(scores.Input(1)!, attention.K, attention.KChannels, out var k) is { } reasonOfK)
            return reasonOfK;
        if (OperandOf(context.Input(1)!, attention.V, attention.VChannels, out var v) is { } reasonOfV)
            return reasonOfV;
        if (v!.Behind != 1)
            return "A factor stands between the quantized values and their product with the map.";
        if (ScoresOf(scores, softmax, attention.Heads, out double[] factors, out var bias) is { } reasonOfScores)
            return reasonOfScores;
        if (QdqAttention.MatchMap(softmax, context, out string reasonOfMap) is not { } map)
            return reasonOfMap;
        IntegerLevels? levels = null;
        if (map.Coded is { } coded && ((levels = IntegerLevels.Of(CodeTable.Of(coded.Apply, 0, LargestProbability))) is null || levels.ZeroPoint != 0))
            return "The codes of the attention map have values below 0, or too many.";
        if (OutputOf(attention, map.Context, out var target, out var proj) is { } reasonOfOutput)
            return reasonOfOutput;

        var (qv, kv, vv, offsets) = Layers(q!, k!, v, name);
        float vScale = v.Quantizer.Scale;
        List<(string, object)> attributes =
        [
            ("heads", attention.Heads), ("head_size", attention.HeadSize), ("q_offset", offsets[0]), ("k_offset", offsets[1]), ("v_offset", offsets[2]),
            ("q_zero_point", q!.Quantizer.ZeroPoint), ("k_zero_point", k!.Quantizer.ZeroPoint), ("v_zero_point", v.Quantizer.ZeroPoint),
            ("map", map.IsRowByRow ? "row" : "tensor"),
        ];
        float[] scoreScales = [.. factors.Select(f => (float)((double)q.Quantizer.Scale * k.Quantizer.Scale * q.Behind * k.Behind * f))];
        attributes.Add(scoreScales.Distinct().Count() == 1 ? ("score_scale", scoreScales[0]) : ("score_scales", scoreScales));
        if (levels is not null)
            attributes.AddRange([("context_scale", (float)(vScale * levels.Step)), ("map_thresholds", levels.Thresholds), ("map_levels", levels.Levels)]);
        else
        {
            attributes.AddRange([("map_bits", map.Quantizer!.Bits), ("context_scale", vScale * map.Quantizer.Scale)]);
            if (!map.IsRowByRow)
                attributes.AddRange([("map_scale", map.Quantizer.Scale), ("map_zero_point", map.Quantizer.ZeroPoint)]);
        }
        int channels = attention.Heads * attention.HeadSize;
        var result = lowering.Nodes.Attention(qv, kv, vv, bias, attributes, proj?.Input.Quantizer, channels, name);
        result.Shape = lowering.View.Shape(target!);
        op = result.Producer!.OpType;
        if (proj is null)
            lowering.Take(target!, result);
        else
        {
            proj.Weights = proj.Weights.TakeColumns(Flat(attention.ProjChannels!));
            lowering.Provide(target!, proj.Input.Quantizer, result);
        }
        return null;

        Node? InGraph(Node viewed) => graph.Find(viewed.Output.Name)?.Producer;
    }

    /// <summary>Walks from an operand back to its layer: movement, factors, and the quantizer.</summary>
    string? OperandOf(Value operand, QuantizableLayer layer, int[,] channels, out Operand? found)
    {
        found = null;
        if (lowering.SiteOf(layer) is not { IsDone: false } site)
            return $"Layer '{layer.Name}' is not lowered.";
        QuantizedActivation? quantized = null;
        double before = 1, behind = 1;
        // A Gemm is followed by the reshape to tokens, which its site has taken in; its own output is as good an end.
        var (end, flat) = (site.Output, lowering.Graph.Find(layer.Output.Name));
        var at = operand;
        while (at != end && at != flat)
        {
            if (QdqActivation.Match(at) is { } activation)
            {
                // Rounding twice to the same codes is rounding once.
                if (quantized is not null && (quantized.Quantizer != activation.Quantizer || before != 1))
                    return $"'{operand.Name}' is quantized twice, with two quantizers.";
                (quantized, at) = (activation, activation.Source);
            }
            else if (at.Producer is { } node && Movement.Factor(node) is var (source, factor))
            {
                (before, behind) = quantized is null ? (before, behind * factor) : (before * factor, behind);
                at = source;
            }
            else if (at.Producer is { } mover && Movement.MovesOrSplits(mover))
                at = mover.Input(0)!;
            else
                return $"Between layer '{layer.Name}' and '{operand.Name}' stands {at.Producer?.ToString() ?? "something else"}.";
        }
        if (quantized is null)
            return $"'{operand.Name}' is not quantized to 8 bits with one scale.";
        if (lowering.View.Shape(site.Output) is not { Count: 3 })
            return $"Layer '{layer.Name}' does not return [batch, tokens, channels].";
        found = new Operand(site, quantized.Quantizer, before, behind, Flat(channels));
        return null;
    }

    /// <summary>From the scores to the softmax: factors, one for all heads or one a head, then a constant bias.</summary>
    string? ScoresOf(Node scores, Node softmax, int heads, out double[] factors, out Value? bias)
    {
        factors = new double[heads];
        Array.Fill(factors, 1);
        bias = null;
        var at = scores.Output;
        while (at != softmax.Input(0))
        {
            if (at.OnlyConsumer is not { } node)
                return "The scores are used elsewhere too.";
            var shape = lowering.View.Shape(at);
            if (bias is null && Movement.Factor(node) is var (_, by))
                Multiply(factors, [by]);
            else if (bias is null && node.Is("Mul") && Other(node, at) is { Constant: { Type: ElementType.Float } perHead } && shape is { Count: 4 } && perHead.Count == heads && perHead.Rank >= 3 && perHead.Shape[^3] == heads)
                Multiply(factors, [.. perHead.ToFloats().Select(f => (double)f)]);
            else if (bias is null && node.Is("Add") && Other(node, at) is { Constant: { Type: ElementType.Float, Rank: >= 2 and <= 4 } added } && shape is [_, var count, var rows, var columns]
                && BiasShape(added, count.Size, rows.Size, columns.Size) is { } biasShape)
                bias = lowering.Graph.AddInitializer(node.Output.Name + ".bias", added.Reshape(biasShape));
            else
                return $"Between scores and softmax stands {node}; factors and one constant bias [heads, tokens, tokens] are understood.";
            at = node.Output;
        }
        if (factors.Any(f => !(f > 0)))
            return "A factor of the scores is not positive.";
        long axis = softmax.Int("axis", -1);
        return axis == -1 || lowering.View.Shape(softmax.Input(0)!) is { } known && axis == known.Count - 1 ? null : "The softmax does not run over the keys.";

        static Value? Other(Node node, Value value) => node.Input(node.Input(0) == value ? 1 : 0);

        static void Multiply(double[] factors, double[] by)
        {
            for (int h = 0; h < factors.Length; h++)
                factors[h] *= by[by.Length == 1 ? 0 : h];
        }
    }

    static long[]? BiasShape(Tensor bias, long? heads, long? rows, long? columns)
    {
        long[] shape = [.. Enumerable.Repeat(1L, 4 - bias.Rank), .. bias.Shape];
        return shape[0] == 1 && (shape[1] == 1 || shape[1] == heads) && shape[2] == rows && shape[3] == columns ? shape : null;
    }

    /// <summary>Where the context ends: the input of the layer behind it, whose columns can be put in order, or a float value that has the order already.</summary>
    string? OutputOf(Attention attention, Value context, out Value? target, out LinearSite? proj)
    {
        (target, proj) = (null, null);
        if (attention.Proj is null || attention.ProjChannels is null)
            return "The context does not go to one layer alone.";
        proj = lowering.SiteOf(attention.Proj);
        target = proj is not null ? proj.Input.Source : lowering.Graph.Find(attention.Proj.Input.Name);
        if (target is null || lowering.View.Shape(target) is not { Count: 3 })
            return "The context does not reach the next layer as [batch, tokens, channels].";
        if (proj is null && !Flat(attention.ProjChannels).SequenceEqual(Enumerable.Range(0, attention.Heads * attention.HeadSize)))
            return $"Layer '{attention.Proj.Name}' is not lowered and wants channels in another order.";
        var at = target;
        while (at != context)
        {
            if (QdqActivation.Match(at) is { } activation && proj is not null && activation.Quantizer == proj.Input.Quantizer)
                at = activation.Source;
            else if (at.Producer is { } node && Movement.Moves(node))
                at = node.Input(0)!;
            else
                return $"Between the context and layer '{attention.Proj.Name}' stands {at.Producer?.ToString() ?? "something else"}.";
        }
        return null;
    }

    /// <summary>One LinearQuantize for operands of one layer, or of several layers with the same input, packed width and range of codes; one each otherwise.</summary>
    (Value Q, Value K, Value V, int[] Offsets) Layers(Operand q, Operand k, Operand v, string name)
    {
        Operand[] operands = [q, k, v];
        var values = new Value[3];
        var offsets = new int[3];
        foreach (var group in Enumerable.Range(0, 3).GroupBy(i => (operands[i].Site.Input.Source, operands[i].Site.Input.Quantizer, operands[i].Site.Weights.Bits, operands[i].Quantizer.Low, operands[i].Quantizer.High)))
        {
            int[] members = [.. group];
            int width = 0;
            foreach (int i in members)
            {
                offsets[i] = width;
                width += operands[i].Rows.Length;
            }
            var value = Quantized([.. members.Select(i => operands[i])], name);
            foreach (int i in members)
                values[i] = value;
        }
        foreach (var site in operands.Select(o => o.Site).Distinct())
            site.IsDone = true;
        return (values[0], values[1], values[2], offsets);
    }

    Value Quantized(Operand[] operands, string name)
    {
        var parts = operands.Select(o => (o.Site.Weights.TakeRows(o.Rows), o)).ToArray();
        var first = operands[0].Site;
        var weights = WeightCodes.Join([.. parts.Select(p => p.Item1)]);
        var multiplier = new List<float>(weights.Rows);
        var zeroPoints = new List<byte>(weights.Rows);
        float[]? bias = operands.Any(o => o.Site.Bias is not null) ? [.. operands.SelectMany(o => o.Rows.Select(r => o.Site.Bias?[r] ?? 0))] : null;
        foreach (var o in operands)
        {
            multiplier.AddRange(Enumerable.Repeat((float)(o.Before / o.Quantizer.Scale), o.Rows.Length));
            zeroPoints.AddRange(Enumerable.Repeat((byte)o.Quantizer.ZeroPoint, o.Rows.Length));
        }
        var layers = operands.Select(o => o.Site.Name).Distinct().ToArray();
        string layerName = layers.Length == 1 ? layers[0] : $"{name}.{string.Concat(layers.Select(l => l.Split('.')[^1]))}";
        var x = first.Input.Quantizer;
        foreach (string layer in layers)
            lowering.Done(layer, "linear", "LinearQuantize");
        return lowering.Nodes.LinearQuantize(lowering.InputCodes(first), x.Scale, x.ZeroPoint, weights, bias, [.. multiplier], [.. zeroPoints], null,
            operands[0].Quantizer.Low, operands[0].Quantizer.High, layerName);
    }

    static int[] Flat(int[,] map) => [.. map.Cast<int>()];
}
