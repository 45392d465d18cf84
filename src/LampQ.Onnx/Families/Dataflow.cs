namespace LampQ.Onnx;

/// <summary>Walks along the data between linear layers: which layers does a value come from, which does it go to.</summary>
sealed class Dataflow
{
    static readonly string[] arithmetic = ["Add", "Sub", "Mul", "Div", "Neg", "Pow", "Sqrt", "Reciprocal", "Abs", "Min", "Max", "Clip", "Expand", "Where", "Sum", "Mean"];
    static readonly string[] reductions = ["ReduceMean", "ReduceSum", "ReduceL2", "ReduceSumSquare", "ReduceMax", "LpNormalization"];
    static readonly string[] norms = ["LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "GroupNormalization", "InstanceNormalization", "BatchNormalization"];
    static readonly string[] activations = ["Erf", "Gelu", "Tanh", "Sigmoid", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "HardSigmoid", "HardSwish", "Mish", "Swish", "Exp", "QuickGelu"];

    readonly Dictionary<Value, LinearCandidate> byOutput;
    readonly Dictionary<Node, LinearCandidate> byNode;

    public Dataflow(GraphFacts facts, IReadOnlyList<LinearCandidate> layers)
    {
        Facts = facts;
        Layers = layers;
        byOutput = layers.ToDictionary(l => l.Output);
        byNode = layers.ToDictionary(l => l.Node);
    }

    public GraphFacts Facts { get; }

    public IReadOnlyList<LinearCandidate> Layers { get; }

    /// <summary>The layer that computes the value, bias included.</summary>
    public LinearCandidate? LayerOf(Value value) => byOutput.GetValueOrDefault(value);

    /// <summary>The layer whose product the node is.</summary>
    public LinearCandidate? LayerAt(Node node) => byNode.GetValueOrDefault(node);

    public static bool IsNorm(Node node) => Array.IndexOf(norms, node.OpType) >= 0;

    public static bool IsActivation(Node node) => Array.IndexOf(activations, node.OpType) >= 0;

    /// <summary>Sums, products, normalizations: operators between two layers that belong to neither.</summary>
    public static bool IsArithmetic(Node node) => Array.IndexOf(arithmetic, node.OpType) >= 0 || Array.IndexOf(reductions, node.OpType) >= 0;

    /// <summary>What the value is computed from, back to layers, over operators that <paramref name="passes"/> accepts.</summary>
    public Region Back(Value from, Func<Node, bool> passes)
    {
        var region = new Region();
        var seen = new HashSet<Value>();
        var open = new Stack<Value>([from]);
        while (open.TryPop(out var value))
        {
            if (!seen.Add(value) || Facts.IsConstant(value))
                continue;
            if (LayerOf(value) is { } layer)
                region.Layers.Add(layer);
            else if (value.Producer is { } node && passes(node))
            {
                region.Nodes.Add(node);
                foreach (var input in node.Inputs)
                    if (input is not null)
                        open.Push(input);
            }
            else
                region.Others.Add(value);
        }
        return region;
    }

    /// <summary>What uses the value, forward to layers, over operators that <paramref name="passes"/> accepts.</summary>
    public Region Forward(Value from, Func<Node, bool> passes)
    {
        var region = new Region();
        var seen = new HashSet<Value>();
        var open = new Stack<Value>([from]);
        while (open.TryPop(out var value))
        {
            if (!seen.Add(value))
                continue;
            if (value.IsGraphOutput || value.IsCaptured)
                region.Others.Add(value);
            foreach (var use in value.Uses)
                if (byNode.GetValueOrDefault(use.Node) is { } layer)
                    region.Layers.Add(layer);
                else if (use.Node.Is("Shape", "Size"))
                    continue; // asks for the size, not for the numbers
                else if (passes(use.Node))
                {
                    region.Nodes.Add(use.Node);
                    foreach (var output in use.Node.Outputs)
                        if (output is not null)
                            open.Push(output);
                }
                else
                    region.Uses.Add(use);
        }
        return region;
    }

    /// <summary>True for operators that only move data, and for factors: what a channel map can be followed through.</summary>
    public bool MovesOrScales(Node node) => DataMovement.Moves(node) || IsFactor(node);

    /// <summary>True for movement, and for a product with one number or a quotient by one.</summary>
    public bool MovesOrScalesAlike(Node node) => DataMovement.Moves(node) || IsFactor(node) && node.Inputs.Any(i => i is not null && Facts.Scalar(i) is not null);

    /// <summary>True for a product with a constant, or a quotient by one.</summary>
    public bool IsFactor(Node node) =>
        node.Is("Mul") && node.Inputs.Any(i => i is not null && Facts.IsConstant(i)) || node.Is("Div") && node.Input(1) is { } by && Facts.IsConstant(by);

    /// <summary>
    /// Where each element of <paramref name="target"/> comes from in <paramref name="source"/>, over movement and factors;
    /// null when some other operator stands between, another value joins, or a shape is not known.
    /// </summary>
    public IndexTensor? Follow(Value source, Value target) => Follow(source, target, []);

    IndexTensor? Follow(Value source, Value target, Dictionary<Value, IndexTensor?> known)
    {
        if (source == target)
            return Facts.Shape(source) is { } shape ? IndexTensor.Counting(shape) : null;
        if (known.TryGetValue(target, out var result))
            return result;
        return known[target] = FollowProducer(source, target, known);
    }

    IndexTensor? FollowProducer(Value source, Value target, Dictionary<Value, IndexTensor?> known)
    {
        if (target.Producer is not { } node || LayerOf(target) is not null)
            return null;
        if (IsFactor(node))
        {
            if (node.Inputs.FirstOrDefault(i => i is not null && !Facts.IsConstant(i)) is not { } data)
                return null;
            // A factor that widens the shape would copy elements.
            return Follow(source, data, known) is { } moved && Facts.Shape(target) is { } shape && shape.AsSpan().SequenceEqual(moved.Shape) ? moved : null;
        }
        if (!DataMovement.Moves(node))
            return null;
        var inputs = new List<IndexTensor>();
        foreach (var data in DataMovement.Data(node))
        {
            if (Follow(source, data, known) is not { } moved)
                return null;
            inputs.Add(moved);
        }
        return inputs.Count == 0 ? null : DataMovement.Apply(node, target, inputs, Facts);
    }

    /// <summary>What a walk found.</summary>
    internal sealed class Region
    {
        /// <summary>Layers at which the walk ended.</summary>
        public HashSet<LinearCandidate> Layers { get; } = [];

        /// <summary>Nodes the walk went over.</summary>
        public HashSet<Node> Nodes { get; } = [];

        /// <summary>Other values at which a walk back ended, or graph outputs that a walk forward met.</summary>
        public HashSet<Value> Others { get; } = [];

        /// <summary>Other uses at which a walk forward ended.</summary>
        public HashSet<Use> Uses { get; } = [];

        public bool Any(Func<Node, bool> condition) => Nodes.Any(condition);
    }
}
