namespace LampQ.Onnx;

/// <summary>Finds what part each linear layer plays, by dataflow alone; names of nodes serve for naming only.</summary>
sealed class StructureFinder
{
    readonly GraphFacts facts;
    readonly Rejections rejections;
    readonly Dataflow flow;
    readonly List<LinearCandidate> layers;
    readonly List<AttentionCandidate> attentions;
    readonly Dictionary<Value, int> blockOf = [];

    StructureFinder(Model model)
    {
        facts = new GraphFacts(model);
        rejections = new Rejections(facts);
        layers = LinearCandidates.Find(facts, rejections);
        flow = new Dataflow(facts, layers);
        FindPatchEmbeddings();
        // A convolution is a layer only as patch embedding; the walks must see the others as what they are, so they start anew.
        layers.RemoveAll(l => l.Node.Is("Conv") && l.Type is null);
        flow = new Dataflow(facts, layers);
        attentions = new AttentionFinder(flow, rejections).Find();
        CountBlocks();
        // Before the MLPs: a classifier of two layers with GELU between ends in the head, not in an fc2.
        FindHeads();
        FindMlps();
        FindReductions();
        NameTheRest();
        FindOtherWeights();
    }

    public static ModelStructure Find(Model model) => new StructureFinder(model).Build();

    /// <summary>Layers that see the image itself, cut into patches, moved, normalized, but not computed with other weights.</summary>
    void FindPatchEmbeddings()
    {
        foreach (var layer in layers)
        {
            var back = flow.Back(layer.Input, n => DataMovement.Moves(n) || Dataflow.IsArithmetic(n) || Dataflow.IsNorm(n));
            bool fromImage = back.Layers.Count == 0 && back.Others.Count == 1 && back.Others.First() is { IsGraphInput: true } input && (facts.Rank(input) ?? 4) >= 3;
            if (fromImage && (layer.Node.Is("Conv") || ManyRows(layer)))
                layer.Type = LayerType.PatchEmbedding;
            else if (layer.Node.Is("Conv"))
                rejections.Add(layer.Node, "Only a convolution that sees the image itself is a patch embedding; this one stands behind other layers and stays float.");
        }
    }

    /// <summary>False when the layer sees one row an image: then it sees features of the whole image, not patches.</summary>
    bool ManyRows(LinearCandidate layer) => facts.Shape(layer.Input) is not { } shape || IndexTensor.Count(shape) > layer.InputChannels;

    /// <summary>The block of a value is the last attention it has gone through.</summary>
    void CountBlocks()
    {
        var contexts = attentions.ToDictionary(a => a.Context, a => a.Block);
        foreach (var node in facts.Nodes)
        {
            int block = contexts.GetValueOrDefault(node, -1);
            foreach (var input in node.Inputs)
                if (input is not null)
                    block = Math.Max(block, blockOf.GetValueOrDefault(input, -1));
            foreach (var output in node.Outputs)
                if (output is not null)
                    blockOf[output] = block;
        }
    }

    /// <summary>Pairs of layers with a pointwise nonlinearity between them: always for GELU, for others inside of a residual branch.</summary>
    void FindMlps()
    {
        foreach (var second in layers.Where(l => l.Type is null).ToArray())
        {
            var between = BetweenLayers(second);
            // Two first layers are a gate and what it gates (SwiGLU); more, or a foreign value, is something else.
            if (between.Others.Count > 0 || between.Layers.Count is 0 or > 2 || !between.Any(Dataflow.IsActivation))
                continue;
            bool gates = between.Any(n => n.Is("Mul") && n.Inputs.All(i => i is not null && !facts.IsConstant(i)));
            // Its approximations are told from SiLU and plain tanh by their constants: x·σ(1.702·x) and tanh(√(2/π)·(x + .044715·x³)).
            bool gelu = between.Any(n => n.OpType is "Erf" or "Gelu" or "QuickGelu")
                || gates && between.Any(n => n.Is("Tanh")) && Multiplies(between, .044715f)
                || gates && between.Any(n => n.Is("Sigmoid")) && Multiplies(between, 1.702f);
            if (between.Layers.Count == 2 && !gates || between.Layers.Any(l => l.Type is not (null or LayerType.Fc2)))
                continue;
            if (!(gelu && between.Layers.Count == 1) && !IsResidual(second, between.Layers))
                continue;

            int block = BlockOfMlp(between.Layers.First());
            second.Type = LayerType.Fc2;
            second.Block = block;
            foreach (var first in between.Layers.Where(l => l.Type is null))
                (first.Type, first.Block) = (LayerType.Fc1, block);
        }
    }

    bool Multiplies(Dataflow.Region region, float constant) =>
        region.Any(n => n.Is("Mul") && n.Inputs.Any(i => facts.Scalar(i) is { } factor && Math.Abs(factor - constant) < 1e-3f * constant));

    /// <summary>What stands between a layer and those before it: activations, gates, norms and movement that joins nothing.</summary>
    Dataflow.Region BetweenLayers(LinearCandidate second) => flow.Back(second.Input, n => Dataflow.IsActivation(n) || Dataflow.IsArithmetic(n) || Dataflow.IsNorm(n)
        || n.Is("Identity", "Cast", "Dropout", "Reshape", "Transpose", "Split", "Slice", "Flatten", "Squeeze", "Unsqueeze"));

    /// <summary>True when what comes out is added to what went in.</summary>
    bool IsResidual(LinearCandidate second, IEnumerable<LinearCandidate> first)
    {
        var forward = flow.Forward(second.Output, n => flow.MovesOrScales(n) && !n.Is("Concat"));
        var skipped = forward.Uses.Where(u => u.Node.Is("Add")).SelectMany(u => u.Node.Inputs.Where((_, i) => i != u.Index)).OfType<Value>().ToHashSet();
        return skipped.Count > 0 && first.Any(f => Ancestors(f.Input).Any(skipped.Contains));

        // What the first layer sees is the residual stream itself or its norm.
        IEnumerable<Value> Ancestors(Value of) => flow.Back(of, n => !n.Is("Add") || n.Inputs.Any(i => i is not null && facts.IsConstant(i)))
            is var back ? [of, .. back.Others, .. back.Nodes.SelectMany(n => n.Inputs).OfType<Value>(), .. back.Layers.Select(l => l.Output)] : [];
    }

    /// <summary>An MLP beside an attention, on the same input, is of its block; every other is of the block its input has come through.</summary>
    int BlockOfMlp(LinearCandidate first) =>
        attentions.FirstOrDefault(a => a.Q.Input == first.Input)?.Block ?? blockOf.GetValueOrDefault(first.Input, -1);

    /// <summary>Swin's patch merging: four neighbouring tokens of C channels joined to 4·C, then a product.</summary>
    void FindReductions()
    {
        foreach (var layer in layers.Where(l => l.Type is null && l.InputChannels % 4 == 0))
        {
            // Behind the merged tokens, a norm may stand before the product (Swin) or not (Swin v2).
            var input = layer.Input;
            while (NormInput(input) is { } before)
                input = before;
            var back = flow.Back(input, n => DataMovement.Moves(n) || n.Is("Pad"));
            if (back.Nodes.Count == 0 || back.Layers.Count + back.Others.Count != 1)
                continue;
            var source = back.Others.FirstOrDefault() ?? back.Layers.First().Output;
            if (facts.Shape(source) is { } from && facts.Shape(input) is { } to
                && from.Length >= 3 && LastSize(to) == 4 * LastSize(from) && IndexTensor.Count(to) / LastSize(to) < IndexTensor.Count(from) / LastSize(from))
            {
                layer.Type = LayerType.Reduction;
                layer.Block = -1;
            }
        }

        static int LastSize(int[] shape) => Math.Max(1, shape[^1]);
    }

    /// <summary>What a norm at the end of the data movement normalizes, or null.</summary>
    Value? NormInput(Value value)
    {
        var at = value;
        while (at.Producer is { } mover && mover.Is("Identity", "Reshape", "Cast", "Flatten"))
            at = mover.Input(0)!;
        return norms.FirstOrDefault(n => n.Output == at)?.Input;
    }

    IReadOnlyList<NormCandidate> norms => found ??= LayerNormFinder.Find(facts);
    IReadOnlyList<NormCandidate>? found;

    /// <summary>Layers from which data goes to an output of the model with nothing but sums, means and movement, and a softmax at most.</summary>
    void FindHeads()
    {
        foreach (var layer in layers.Where(l => l.Type is null))
        {
            var forward = flow.Forward(layer.Output, n => DataMovement.Moves(n) || n.Is("Add", "Sub", "Mul", "Div", "ReduceMean", "ReduceSum", "Sum", "Mean", "Softmax", "LogSoftmax", "Sigmoid"));
            if (forward.Others.Any(v => v.IsGraphOutput) && forward.Layers.Count == 0 && !IsResidual(layer, BetweenLayers(layer).Layers))
                layer.Type = LayerType.Head;
        }
    }

    void NameTheRest()
    {
        foreach (var layer in layers.Where(l => l.Type is null))
        {
            layer.Type = LayerType.Linear;
            layer.Block = blockOf.GetValueOrDefault(layer.Input, -1);
            var forward = flow.Forward(layer.Output, n => flow.MovesOrScales(n));
            bool activated = forward.Uses.Any(u => Dataflow.IsActivation(u.Node));
            rejections.Add(layer.Node, (activated
                ? "An activation follows, but no second layer of an MLP behind it."
                : "Its part in the model was not recognised (no attention, MLP, patch embedding or classifier).") + " It counts as a plain linear layer.");
        }
        foreach (var tied in layers.GroupBy(l => Root(l.Weight)).Where(g => g.Count() > 1))
            foreach (var layer in tied.Skip(1))
                rejections.Add(layer.Node, $"It shares its weight with {tied.First().Node}; both get the same bit-width, and a factor folded into one must not reach the other.");
    }

    /// <summary>The initializer or Constant behind a weight that was moved.</summary>
    static Value Root(Value weight)
    {
        while (weight.Constant is null && weight.Producer?.Input(0) is { } source)
            weight = source;
        return weight;
    }

    /// <summary>Operators with weights that no finder looks at.</summary>
    void FindOtherWeights()
    {
        foreach (var node in facts.Nodes)
        {
            if (node.Is("If", "Loop", "Scan"))
                rejections.Add(node, "Its inner graph is not looked into; layers in it stay float.");
            else if (node.Is("ConvTranspose", "Einsum", "LSTM", "GRU", "RNN", "Attention", "DeformConv") || node.Domain is not ("" or "ai.onnx"))
            {
                if (node.Inputs.Any(i => i is not null && facts.Constant(i) is { Rank: >= 2 }))
                    rejections.Add(node, $"Operator {(node.Domain.Length > 0 ? node.Domain + "." : "")}{node.OpType} has constant weights, but is not among those that are quantized (MatMul, Gemm, patch embedding Conv).");
            }
        }
    }

    ModelStructure Build()
    {
        var ordered = layers.OrderBy(OrderOf).ThenBy(l => l.Type).ThenBy(l => facts.Position(l.Node)).ToList();
        string[] names = LayerNames.Of(ordered, Root);
        string[] groups = LayerNames.GroupsOf(ordered, Root);
        var byCandidate = new Dictionary<LinearCandidate, QuantizableLayer>();
        for (int i = 0; i < ordered.Count; i++)
        {
            var layer = ordered[i];
            byCandidate.Add(layer, new QuantizableLayer
            {
                Name = names[i],
                Type = layer.Type!.Value,
                Block = layer.Block,
                Group = groups[i],
                Node = layer.Node,
                Weight = layer.Weight,
                WeightTensor = layer.Tensor,
                WeightIndex = layer.WeightIndex,
                IsRowPerOutput = layer.IsRowPerOutput,
                Bias = layer.Bias,
                BiasAdd = layer.BiasAdd,
                OutputChannels = layer.OutputChannels,
                InputChannels = layer.InputChannels,
            });
        }
        return new ModelStructure
        {
            Layers = [.. ordered.Select(l => byCandidate[l])],
            Attentions = [.. attentions.Where(a => a.Maps is not null).Select(a => Finish(a, byCandidate))],
            Norms = [.. norms.Select(n => Finish(n, byCandidate))],
            Unrecognized = rejections.ToList(),
        };
    }

    /// <summary>Along the data; q, k and v of one attention stand together, whatever order the file has.</summary>
    int OrderOf(LinearCandidate layer)
    {
        var attention = attentions.FirstOrDefault(a => a.Q == layer || a.K == layer || a.V == layer);
        return attention is null ? facts.Position(layer.Node)
            : Math.Min(facts.Position(attention.Q.Node), Math.Min(facts.Position(attention.K.Node), facts.Position(attention.V.Node)));
    }

    static Attention Finish(AttentionCandidate a, Dictionary<LinearCandidate, QuantizableLayer> layerOf) => new()
    {
        Block = a.Block,
        Scores = a.Scores,
        Softmax = a.Softmax,
        Context = a.Context,
        ScoreScale = a.ScoreScale?.Node,
        ScoreFactor = a.ScoreScale?.Factor,
        Q = layerOf[a.Q],
        K = layerOf[a.K],
        V = layerOf[a.V],
        Proj = a.Maps!.Proj is null ? null : layerOf[a.Proj!],
        Heads = a.Maps.Q.GetLength(0),
        HeadSize = a.Maps.Q.GetLength(1),
        QChannels = a.Maps.Q,
        KChannels = a.Maps.K,
        VChannels = a.Maps.V,
        ProjChannels = a.Maps.Proj,
        HeadsShareBatchAxis = a.Maps.HeadsShareBatchAxis,
        Windows = a.Maps.Windows,
        KeepsTokenOrder = a.Maps.KeepsTokenOrder,
        MovesValuesOnly = a.Maps.MovesValuesOnly,
        ScalesScoresAlike = a.Maps.ScalesScoresAlike,
    };

    LayerNorm Finish(NormCandidate norm, Dictionary<LinearCandidate, QuantizableLayer> layerOf)
    {
        var forward = flow.Forward(norm.Output, DataMovement.Moves);
        var consumers = forward.Layers.Where(l => KeepsChannels(norm.Output, l)).Select(l => layerOf[l]).ToList();
        consumers.Sort((a, b) => facts.Position(a.Node).CompareTo(facts.Position(b.Node)));
        return new LayerNorm
        {
            Gamma = norm.Gamma.Node.Input(norm.Gamma.Index)!,
            GammaUse = norm.Gamma,
            Beta = norm.Beta is { } beta ? beta.Node.Input(beta.Index) : null,
            BetaUse = norm.Beta,
            Input = norm.Input,
            Output = norm.Output,
            Consumers = consumers,
            FeedsOnlyLayers = consumers.Count == forward.Layers.Count && consumers.Count > 0 && forward.Uses.Count == 0 && forward.Others.Count == 0,
        };
    }

    /// <summary>True when channel c of the norm is input channel c of the layer, at every token.</summary>
    bool KeepsChannels(Value output, LinearCandidate layer)
    {
        if (layer.Input == output)
            return layer.ChannelAxisFromEnd == 1 && !layer.Node.Is("Conv");
        if (layer.ChannelAxisFromEnd != 1 || layer.Node.Is("Conv") || flow.Follow(output, layer.Input) is not { } moved || facts.Shape(output) is not { } shape)
            return false;
        int channels = shape[^1];
        if (moved.Shape[^1] != channels || channels != layer.InputChannels)
            return false;
        for (int i = 0; i < moved.Indices.Length; i++)
            if (moved.Indices[i] % channels != i % channels)
                return false;
        return true;
    }
}
