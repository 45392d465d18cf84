namespace LampQ.Onnx;

/// <summary>A change of one operator: from opset <paramref name="Version"/> on it must be written as <paramref name="Apply"/> writes it.</summary>
sealed record OpsetChange(string OpType, long Version, Action<Node> Apply);

/// <summary>What changed in the operator sets 10 to 21; a further operator is one new file and one line here.</summary>
static class OpsetChanges
{
    static readonly ILookup<(string, long), OpsetChange> changes = new[]
    {
        SoftmaxUpgrade.Changes,
        AxesUpgrade.Changes,
        SplitUpgrade.Changes,
        ClipUpgrade.Changes,
        SliceUpgrade.Changes,
        DropoutUpgrade.Changes,
        PadUpgrade.Changes,
        ResizeUpgrade.Changes,
        UpsampleUpgrade.Changes,
        TopKUpgrade.Changes,
        ScatterUpgrade.Changes,
        BatchNormalizationUpgrade.Changes,
        GroupNormalizationUpgrade.Changes,
        GridSampleUpgrade.Changes,
        RoiAlignUpgrade.Changes,
    }.SelectMany(c => c).ToLookup(c => (c.OpType, c.Version));

    static readonly HashSet<string> changed = [.. changes.SelectMany(c => c).Select(c => c.OpType)];

    /// <summary>
    /// Operators whose every model of opset 9 to 20 means the same in opset 21: later versions only accept more types, or add
    /// attributes whose default is the old behaviour.
    /// </summary>
    static readonly HashSet<string> unchanged =
    [
        "Abs", "Acos", "Acosh", "Add", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh", "AveragePool",
        "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor",
        "Cast", "CastLike", "Ceil", "Celu", "Compress", "Concat", "Constant", "ConstantOfShape", "Conv", "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum",
        "DepthToSpace", "DequantizeLinear", "Div", "DynamicQuantizeLinear",
        "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike",
        "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
        "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual",
        "Log", "LpNormalization", "LpPool", "MatMul", "MatMulInteger", "Max", "MaxPool", "Mean", "MeanVarianceNormalization", "Min", "Mish", "Mod", "Mul",
        "Neg", "NonMaxSuppression", "NonZero", "Not", "OneHot", "Or", "PRelu", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear",
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Range", "Reciprocal", "Relu", "Reshape", "Round",
        "ScatterElements", "ScatterND", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Softplus", "Softsign", "SpaceToDepth", "Sqrt", "Sub", "Sum",
        "Tan", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Trilu", "Where", "Xor",
    ];

    /// <summary>True for operators with rules and for those that need none.</summary>
    public static bool Knows(string opType) => changed.Contains(opType) || unchanged.Contains(opType);

    /// <summary>Operators with a rule, and operators that need none.</summary>
    public static IReadOnlyCollection<string> Changed => changed;

    /// <inheritdoc cref="Changed"/>
    public static IReadOnlyCollection<string> Unchanged => unchanged;

    public static IEnumerable<Action<Node>> At(long version, Node node) => node.Domain is "" or "ai.onnx" ? changes[(node.OpType, version)].Select(c => c.Apply) : [];

    /// <summary>Moves an attribute with a list of integers to an input.</summary>
    public static void MoveToInput(Node node, string attribute, int input)
    {
        if (node.Ints(attribute) is not { } list)
            return;
        node.SetInput(input, node.Graph.AddInitializer($"{node.Output.Name}_{attribute}", Tensor.Of(list)));
        node.Unset(attribute);
    }

    /// <summary>A scalar of the type of the node's first input, where the operator wants bounds or fill values of that type.</summary>
    public static Value ScalarLikeInput(Node node, string name, float value)
    {
        var graph = node.Graph;
        string wish = $"{node.Output.Name}_{name}";
        return node.Input(0)!.Type switch
        {
            ElementType.Float or ElementType.Undefined => graph.AddInitializer(wish, Tensor.Scalar(value)),
            ElementType.Double => graph.AddInitializer(wish, Tensor.OfBytes(ElementType.Double, BitConverter.GetBytes((double)value))),
            ElementType.Float16 => graph.AddInitializer(wish, Tensor.OfBytes(ElementType.Float16, BitConverter.GetBytes((Half)value))),
            var type => throw new NotSupportedException($"Attribute '{name}' of node {node} becomes an input of type {type}; only float types are supported."),
        };
    }
}
