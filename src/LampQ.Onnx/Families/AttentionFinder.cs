namespace LampQ.Onnx;

/// <summary>An attention while its layers have no names yet.</summary>
sealed class AttentionCandidate
{
    public required Node Scores { get; init; }
    public required Node Softmax { get; init; }
    public required Node Context { get; init; }
    public (Node Node, float Factor)? ScoreScale { get; init; }
    public required LinearCandidate Q { get; init; }
    public required LinearCandidate K { get; init; }
    public required LinearCandidate V { get; init; }
    public LinearCandidate? Proj { get; set; }
    public int Block { get; init; }

    /// <summary>Channel maps; null when they cannot be followed, and then the attention is not reported.</summary>
    public ChannelMaps? Maps { get; set; }
}

/// <summary>Where the channels of an attention's operands come from.</summary>
sealed record ChannelMaps(int[,] Q, int[,] K, int[,] V, int[,]? Proj, bool HeadsShareBatchAxis, int Windows, bool KeepsTokenOrder, bool MovesValuesOnly, bool ScalesScoresAlike);

/// <summary>
/// Finds softmax(Q·Kᵀ)·V by dataflow: a softmax that comes from a product of two activations and goes into another. Every such attention
/// gives its layers their types; its channel maps are followed where data is only moved and scaled.
/// </summary>
sealed class AttentionFinder(Dataflow flow, Rejections rejections)
{
    readonly GraphFacts facts = flow.Facts;
    readonly HashSet<Node> products = [];

    public List<AttentionCandidate> Find()
    {
        var found = new List<AttentionCandidate>();
        foreach (var softmax in facts.Nodes.Where(n => n.Is("Softmax")))
            if (Recognize(softmax, found.Count) is { } attention)
                found.Add(attention);
        foreach (var node in facts.Nodes.Where(n => n.Is("MatMul") && flow.LayerAt(n) is null && !products.Contains(n) && !rejections.Contains(n)))
            rejections.Add(node, node.Inputs.All(i => i is not null && facts.IsConstant(i))
                ? "Both factors are the same in every run. Fold constants first."
                : "A product of two activations that belongs to no attention stays float.");
        return found;
    }

    AttentionCandidate? Recognize(Node softmax, int block)
    {
        // From the softmax back to the scores: scale, mask, position bias, and the extra axis that Swin's mask needs.
        var back = flow.Back(softmax.Input(0)!, n => n.Is("Add", "Sub", "Mul", "Div", "Where", "Reshape", "Identity", "Cast", "Clip", "Max", "Min", "Unsqueeze", "Squeeze", "Transpose"));
        Node[] scoreProducts = [.. back.Others.Select(v => v.Producer).OfType<Node>().Where(IsProduct)];
        var forward = flow.Forward(softmax.Output, n => n.Is("Identity", "Cast", "Dropout", "Reshape", "Transpose", "Mul", "Where", "Unsqueeze", "Squeeze"));
        Node[] contextProducts = [.. forward.Uses.Select(u => u.Node).Where(IsProduct).Distinct()];
        if (scoreProducts.Length == 0 || contextProducts.Length == 0)
            return null; // a softmax that is no attention: a classifier's, or weights that a layer computed
        if (scoreProducts.Length > 1 || contextProducts.Length > 1)
        {
            rejections.Add(softmax, $"A softmax between {scoreProducts.Length} products before and {contextProducts.Length} behind; attention has one of each.");
            return null;
        }
        var (scores, context) = (scoreProducts[0], contextProducts[0]);
        products.Add(scores);
        products.Add(context);

        // Q·Kᵀ has the keys on its last axis, and that is the softmax's; K·Qᵀ is the other way round.
        bool keysLast = facts.IsLastAxis(softmax.Int("axis", facts.Model.Opset < 13 ? 1 : -1), softmax.Input(0)!)
            && !back.Any(n => n.Is("Transpose"));
        var mapUse = forward.Uses.First(u => u.Node == context);
        var (qSide, kSide) = keysLast ? (0, 1) : (1, 0);
        var q = SourceOf(scores.Input(qSide)!, "queries", scores);
        var k = SourceOf(scores.Input(kSide)!, "keys", scores);
        var v = SourceOf(context.Input(1 - mapUse.Index)!, "values", context);
        if (q is null || k is null || v is null)
            return null;

        var proj = ProjectionBehind(context);
        SetType(q, q == k || q == v ? LayerType.Qkv : LayerType.Q, block);
        SetType(k, k == q || k == v ? LayerType.Qkv : LayerType.K, block);
        SetType(v, v == q || v == k ? LayerType.Qkv : LayerType.V, block);
        if (proj is not null)
            SetType(proj, LayerType.Proj, block);

        var attention = new AttentionCandidate { Scores = scores, Softmax = softmax, Context = context, ScoreScale = ScaleBehind(scores), Q = q, K = k, V = v, Proj = proj, Block = block };
        if (!keysLast)
            rejections.Add(scores, "The scores are written as K·Qᵀ. The layers around are quantized, the attention itself stays float.");
        else if (mapUse.Index != 0 || mapUse.Node.Input(0) is not { } map || flow.Back(map, n => n.Is("Identity", "Cast", "Dropout")) is var direct && !direct.Others.Contains(softmax.Output))
            rejections.Add(context, "The attention map reaches the values moved, scaled or transposed. The layers around are quantized, the attention itself stays float.");
        else
            attention.Maps = FollowChannels(attention);
        return attention;
    }

    /// <summary>A product of two activations.</summary>
    bool IsProduct(Node node) => node.Is("MatMul") && flow.LayerAt(node) is null && node.Inputs.Count == 2 && !node.Inputs.Any(i => i is null || facts.IsConstant(i));

    /// <summary>The one layer an operand comes from, over whatever stands between: heads, scale, rotary positions, a norm of queries or keys.</summary>
    LinearCandidate? SourceOf(Value operand, string what, Node product)
    {
        var back = flow.Back(operand, n => DataMovement.Moves(n) || Dataflow.IsArithmetic(n) || Dataflow.IsNorm(n));
        if (back.Layers.Count == 1)
            return back.Layers.First();
        rejections.Add(product, back.Layers.Count == 0
            ? $"The {what} of this attention come from no linear layer with a constant weight."
            : $"The {what} of this attention come from {back.Layers.Count} linear layers together; one is expected.");
        return null;
    }

    LinearCandidate? ProjectionBehind(Node context)
    {
        // Sums with another activation are the residual: behind them begins another part of the model.
        var forward = flow.Forward(context.Output, n => DataMovement.Moves(n) || Dataflow.IsNorm(n) || n.Is("Mul", "Div", "Sub", "Sqrt", "Pow", "ReduceMean")
            || n.Is("Add") && n.Inputs.Any(i => i is not null && facts.IsConstant(i)));
        return forward.Layers.Count == 1 ? forward.Layers.First() : null;
    }

    void SetType(LinearCandidate layer, LayerType type, int block)
    {
        if (layer.Type is { } other && other != type && (layer.Block != block || other is LayerType.PatchEmbedding))
        {
            rejections.Add(layer.Node, $"The layer is {other.Word()} of one attention and {type.Word()} of another; it counts as {other.Word()}.");
            return;
        }
        // A layer that is two of the three, as keys and values of a cross attention, is fused.
        layer.Type = layer.Type is null || layer.Type == type ? type : LayerType.Qkv;
        layer.Block = layer.Block < 0 ? block : layer.Block;
    }

    (Node, float)? ScaleBehind(Node scores)
    {
        if (scores.Output.OnlyConsumer is not { } scale || !scale.Is("Mul", "Div") || !flow.IsFactor(scale))
            return null;
        var by = scale.Input(0) == scores.Output ? scale.Input(1) : scale.Input(0);
        return facts.Scalar(by) is { } factor ? (scale, scale.Is("Div") ? 1 / factor : factor) : null;
    }

    ChannelMaps? FollowChannels(AttentionCandidate a)
    {
        string? reason = null;
        bool ordered = true;
        var q = Channels(a.Q, a.Scores.Input(0)!, transposed: false);
        var k = Channels(a.K, a.Scores.Input(1)!, transposed: true);
        var v = Channels(a.V, a.Context.Input(1)!, transposed: false);
        if (q is null || k is null || v is null)
        {
            rejections.Add(a.Scores, $"{reason} The layers around are quantized, the attention itself stays float.");
            return null;
        }
        var (qMap, rank, windows) = q.Value;
        if (k.Value.Rank != rank || v.Value.Rank != rank || k.Value.Map.GetLength(0) != qMap.GetLength(0) || v.Value.Map.GetLength(0) != qMap.GetLength(0) || k.Value.Map.GetLength(1) != qMap.GetLength(1))
            reason = "Queries, keys and values do not have the same heads.";
        else if (v.Value.Map.GetLength(1) != qMap.GetLength(1))
            reason = $"A head has {qMap.GetLength(1)} channels in queries and {v.Value.Map.GetLength(1)} in values; the same number is expected.";
        else
            reason = ForeignUse(a);
        if (reason is not null)
        {
            rejections.Add(a.Scores, $"{reason} The layers around are quantized, the attention itself stays float.");
            return null;
        }
        var (projMap, projOrdered) = ProjChannels(a, rank);
        return new(qMap, k.Value.Map, v.Value.Map, projMap, rank == 3, windows, ordered && projOrdered,
            a.Proj is { } proj && flow.Forward(a.V.Output, DataMovement.Moves).Uses.Contains(new(a.Context, 1)) && flow.Forward(a.Context.Output, DataMovement.Moves).Layers.Contains(proj),
            flow.Forward(a.Q.Output, flow.MovesOrScalesAlike).Uses.Contains(new(a.Scores, 0)) && flow.Forward(a.K.Output, flow.MovesOrScalesAlike).Uses.Contains(new(a.Scores, 1)));

        (int[,] Map, int Rank, int Windows)? Channels(LinearCandidate layer, Value operand, bool transposed)
        {
            if (flow.Follow(layer.Output, operand) is not { } moved)
            {
                reason ??= facts.Shape(operand) is null
                    ? $"The shape of '{operand.Name}' is not known even for one image. Give the input a fixed size."
                    : $"'{operand.Name}' is not only the output of {layer.Node} moved and scaled (positions, a norm or a bias stand between).";
                return null;
            }
            if (layer.ChannelAxisFromEnd != 1)
            {
                reason ??= $"The weight of {layer.Node} stands on the left of the product.";
                return null;
            }
            int outputs = layer.OutputChannels;
            var (map, inOrder, problem) = ReadMap(moved, transposed, outputs);
            reason ??= problem;
            if (map is null)
                return null;
            int batch = moved.Shape.Length == 4 ? moved.Shape[0] : 1;
            ordered &= inOrder && AreTokens(layer.Output, layer.Output.OnlyConsumer?.Output, batch, moved.Shape[transposed ? ^1 : ^2]);
            return (map, moved.Shape.Length, batch);
        }
    }

    /// <summary>
    /// True for [batch, tokens, C], and for rows [batch·tokens, C] that do not become anything else of rank 3 by the reshape beside them. Where a layer stands
    /// before some of its tokens are chosen, or has the tokens of an image on its first axis, rows in order are not enough: at batch 1 they look the same.
    /// </summary>
    bool AreTokens(Value value, Value? reshaped, int batch, int tokens) => facts.Shape(value) switch
    {
        [var b, var t, _] => b == batch && t == tokens,
        [var rows, _] => rows == batch * tokens && (reshaped is null || facts.Shape(reshaped) is not [var b, var t, _] || b == batch && t == tokens),
        { } shape => shape.SkipLast(1).Aggregate(1, (product, size) => product * size) == batch * tokens,
        null => false,
    };

    /// <summary>Reads [H, d] off an operand [B, H, T, d] or [B·H, T, d], where every row must say the same.</summary>
    /// <param name="operand">Positions in rows of <paramref name="width"/> channels.</param>
    /// <param name="transposed">True for [B, H, d, T].</param>
    /// <param name="width">Channels of a row.</param>
    /// <returns>The map, and whether row b·T + t of the source is token t of operand b.</returns>
    static (int[,]? Map, bool KeepsOrder, string? Problem) ReadMap(IndexTensor operand, bool transposed, int width)
    {
        var shape = operand.Shape;
        if (shape.Length is not (3 or 4))
            return (null, false, $"An operand has rank {shape.Length}; [batch, heads, tokens, channels] is expected.");
        int batch = shape.Length == 4 ? shape[0] : 1, heads = shape[^3], rows = shape[^2], columns = shape[^1];
        var (tokens, size) = transposed ? (columns, rows) : (rows, columns);
        if (tokens == 0 || size == 0 || heads == 0)
            return (null, false, "An operand is empty.");
        bool keepsOrder = true;
        var map = new int[heads, size];
        var used = new HashSet<int>();
        for (int h = 0; h < heads; h++)
            for (int c = 0; c < size; c++)
            {
                map[h, c] = At(0, h, 0, c) % width;
                if (!used.Add(map[h, c]))
                    return (null, false, "Heads share channels (grouped queries).");
                for (int b = 0; b < batch; b++)
                    for (int t = 0; t < tokens; t++)
                    {
                        var (row, channel) = Math.DivRem(At(b, h, t, c), width);
                        if (channel != map[h, c])
                            return (null, false, "A head does not take the same channels of every token.");
                        keepsOrder &= row == b * tokens + t;
                    }
            }
        return (map, keepsOrder, null);

        int At(int b, int h, int t, int c) => operand.Indices[((b * heads + h) * rows + (transposed ? c : t)) * columns + (transposed ? t : c)];
    }

    /// <summary>A factor per head may move into the layers only when nobody else sees their output.</summary>
    string? ForeignUse(AttentionCandidate a)
    {
        Use[] own = [new(a.Scores, 0), new(a.Scores, 1), new(a.Context, 1)];
        foreach (var layer in new[] { a.Q, a.K, a.V }.Distinct())
        {
            var forward = flow.Forward(layer.Output, flow.MovesOrScales);
            if (forward.Uses.FirstOrDefault(u => !own.Contains(u)) is { Node: { } user })
                return $"The output of {layer.Node} is also used by {user}.";
            if (forward.Layers.Count > 0 || forward.Others.Count > 0)
                return $"The output of {layer.Node} is also used outside of the attention.";
        }
        return null;
    }

    (int[,]? Map, bool KeepsOrder) ProjChannels(AttentionCandidate a, int rank)
    {
        if (a.Proj is not { ChannelAxisFromEnd: 1 } proj || facts.Shape(a.Context.Output) is not { } shape || shape.Length != rank || flow.Follow(a.Context.Output, proj.Input) is not { } moved
            || flow.Forward(a.Context.Output, flow.MovesOrScales) is not { Uses.Count: 0, Others.Count: 0, Layers.Count: 1 })
            return (null, true);
        // Invert: which input of proj does each element of the context become?
        int inputs = proj.InputChannels;
        var channel = new int[IndexTensor.Count(shape)];
        Array.Fill(channel, -1);
        if (moved.Indices.Length != channel.Length || moved.Shape[^1] != inputs)
            return (null, true);
        for (int i = 0; i < moved.Indices.Length; i++)
            channel[moved.Indices[i]] = i;
        if (Array.IndexOf(channel, -1) >= 0)
            return (null, true);
        var (map, keepsOrder, _) = ReadMap(new IndexTensor(shape, channel), transposed: false, inputs);
        return (map, keepsOrder && AreTokens(proj.Input, proj.Input.Producer?.Input(0), shape.Length == 4 ? shape[0] : 1, shape[^2]));
    }
}
