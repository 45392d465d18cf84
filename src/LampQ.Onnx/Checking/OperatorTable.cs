using System.Globalization;

namespace LampQ.Onnx;

/// <summary>
/// The signatures of ONNX's operators: from which opset, how many inputs and outputs, which attributes. One line a version
/// whose signature differs from the one before; versions that only add element types have no line.
/// </summary>
static class OperatorTable
{
    /// <summary>
    /// Operator, first opset, inputs, outputs, attributes. "1-3" is one to three, "1+" at least one, "removed" no longer there.
    /// Attribute types: i f s t (integer, float, text, tensor), is fs ss their lists; "!" marks a required one.
    /// </summary>
    const string Text = """
        Abs 6 1 1
        Acos 7 1 1
        Acosh 9 1 1
        Add 7 2 1
        And 7 2 1
        ArgMax 1 1 1 axis:i keepdims:i
        ArgMax 12 1 1 axis:i keepdims:i select_last_index:i
        ArgMin 1 1 1 axis:i keepdims:i
        ArgMin 12 1 1 axis:i keepdims:i select_last_index:i
        Asin 7 1 1
        Asinh 9 1 1
        Atan 7 1 1
        Atanh 9 1 1
        AveragePool 7 1 1 auto_pad:s count_include_pad:i kernel_shape:is! pads:is strides:is
        AveragePool 10 1 1 auto_pad:s ceil_mode:i count_include_pad:i kernel_shape:is! pads:is strides:is
        AveragePool 19 1 1 auto_pad:s ceil_mode:i count_include_pad:i dilations:is kernel_shape:is! pads:is strides:is
        BatchNormalization 9 5 1-5 epsilon:f momentum:f
        BatchNormalization 14 5 1-3 epsilon:f momentum:f training_mode:i
        BitShift 11 2 1 direction:s!
        BitwiseAnd 18 2 1
        BitwiseNot 18 1 1
        BitwiseOr 18 2 1
        BitwiseXor 18 2 1
        Cast 6 1 1 to:i!
        Cast 19 1 1 to:i! saturate:i
        Cast 24 1 1 to:i! saturate:i round_mode:s
        CastLike 15 2 1
        CastLike 19 2 1 saturate:i
        Ceil 6 1 1
        Celu 12 1 1 alpha:f
        Clip 6 1 1 max:f min:f
        Clip 11 1-3 1
        Compress 9 2 1 axis:i
        Concat 4 1+ 1 axis:i!
        Constant 1 0 1 value:t!
        Constant 11 0 1 value:t sparse_value:g
        Constant 12 0 1 value:t sparse_value:g value_float:f value_floats:fs value_int:i value_ints:is value_string:s value_strings:ss
        ConstantOfShape 9 1 1 value:t
        Conv 1 2-3 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        ConvInteger 10 2-4 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        ConvTranspose 1 2-3 1 auto_pad:s dilations:is group:i kernel_shape:is output_padding:is output_shape:is pads:is strides:is
        Cos 7 1 1
        Cosh 9 1 1
        CumSum 11 2 1 exclusive:i reverse:i
        DepthToSpace 1 1 1 blocksize:i!
        DepthToSpace 11 1 1 blocksize:i! mode:s
        DequantizeLinear 10 2-3 1
        DequantizeLinear 13 2-3 1 axis:i
        DequantizeLinear 21 2-3 1 axis:i block_size:i
        DequantizeLinear 23 2-3 1 axis:i block_size:i output_dtype:i
        Div 7 2 1
        Dropout 7 1 1-2 ratio:f
        Dropout 12 1-3 1-2 seed:i
        DynamicQuantizeLinear 11 1 3
        Einsum 12 1+ 1 equation:s!
        Elu 6 1 1 alpha:f
        Equal 7 2 1
        Erf 9 1 1
        Exp 6 1 1
        Expand 8 2 1
        EyeLike 9 1 1 dtype:i k:i
        Flatten 1 1 1 axis:i
        Floor 6 1 1
        Gather 1 2 1 axis:i
        GatherElements 11 2 1 axis:i
        GatherND 11 2 1
        GatherND 12 2 1 batch_dims:i
        Gelu 20 1 1 approximate:s
        Gemm 7 3 1 alpha:f beta:f transA:i transB:i
        Gemm 11 2-3 1 alpha:f beta:f transA:i transB:i
        GlobalAveragePool 1 1 1
        GlobalLpPool 2 1 1 p:i
        GlobalMaxPool 1 1 1
        Greater 7 2 1
        GreaterOrEqual 12 2 1
        GridSample 16 2 1 align_corners:i mode:s padding_mode:s
        GroupNormalization 18 3 1 epsilon:f num_groups:i!
        GroupNormalization 21 3 1 epsilon:f num_groups:i! stash_type:i
        HardSigmoid 6 1 1 alpha:f beta:f
        HardSwish 14 1 1
        Hardmax 1 1 1 axis:i
        Identity 1 1 1
        If 1 1 1+ then_branch:g! else_branch:g!
        InstanceNormalization 6 3 1 epsilon:f
        IsInf 10 1 1 detect_negative:i detect_positive:i
        IsNaN 9 1 1
        LRN 1 1 1 alpha:f beta:f bias:f size:i!
        LayerNormalization 17 2-3 1-3 axis:i epsilon:f stash_type:i
        LeakyRelu 6 1 1 alpha:f
        Less 7 2 1
        LessOrEqual 12 2 1
        Log 6 1 1
        LogSoftmax 1 1 1 axis:i
        Loop 1 2+ 1+ body:g!
        LpNormalization 1 1 1 axis:i p:i
        LpPool 2 1 1 auto_pad:s kernel_shape:is! p:i pads:is strides:is
        LpPool 18 1 1 auto_pad:s ceil_mode:i dilations:is kernel_shape:is! p:i pads:is strides:is
        MatMul 1 2 1
        MatMulInteger 10 2-4 1
        Max 6 1+ 1
        MaxPool 8 1 1-2 auto_pad:s kernel_shape:is! pads:is storage_order:i strides:is
        MaxPool 10 1 1-2 auto_pad:s ceil_mode:i dilations:is kernel_shape:is! pads:is storage_order:i strides:is
        Mean 6 1+ 1
        MeanVarianceNormalization 9 1 1 axes:is
        Min 6 1+ 1
        Mish 18 1 1
        Mod 10 2 1 fmod:i
        Mul 7 2 1
        Neg 6 1 1
        NonMaxSuppression 10 2-5 1 center_point_box:i
        NonZero 9 1 1
        Not 1 1 1
        OneHot 9 3 1 axis:i
        Or 7 2 1
        PRelu 7 2 1
        Pad 2 1 1 mode:s pads:is! value:f
        Pad 11 2-3 1 mode:s
        Pad 18 2-4 1 mode:s
        Pow 7 2 1
        QLinearConv 10 8-9 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        QLinearMatMul 10 8 1
        QuantizeLinear 10 2-3 1
        QuantizeLinear 13 2-3 1 axis:i
        QuantizeLinear 19 2-3 1 axis:i saturate:i
        QuantizeLinear 21 2-3 1 axis:i block_size:i output_dtype:i saturate:i
        QuantizeLinear 23 2-3 1 axis:i block_size:i output_dtype:i precision:i saturate:i
        RMSNormalization 23 2 1 axis:i epsilon:f stash_type:i
        RandomNormal 1 0 1 dtype:i mean:f scale:f seed:f shape:is!
        RandomNormalLike 1 1 1 dtype:i mean:f scale:f seed:f
        RandomUniform 1 0 1 dtype:i high:f low:f seed:f shape:is!
        RandomUniformLike 1 1 1 dtype:i high:f low:f seed:f
        Range 11 3 1
        Reciprocal 6 1 1
        ReduceL1 1 1 1 axes:is keepdims:i
        ReduceL1 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceL2 1 1 1 axes:is keepdims:i
        ReduceL2 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceLogSum 1 1 1 axes:is keepdims:i
        ReduceLogSum 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceLogSumExp 1 1 1 axes:is keepdims:i
        ReduceLogSumExp 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceMax 1 1 1 axes:is keepdims:i
        ReduceMax 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceMean 1 1 1 axes:is keepdims:i
        ReduceMean 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceMin 1 1 1 axes:is keepdims:i
        ReduceMin 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceProd 1 1 1 axes:is keepdims:i
        ReduceProd 18 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceSum 1 1 1 axes:is keepdims:i
        ReduceSum 13 1-2 1 keepdims:i noop_with_empty_axes:i
        ReduceSumSquare 1 1 1 axes:is keepdims:i
        ReduceSumSquare 18 1-2 1 keepdims:i noop_with_empty_axes:i
        Relu 6 1 1
        Reshape 5 2 1
        Reshape 14 2 1 allowzero:i
        Resize 10 2 1 mode:s
        Resize 11 3-4 1 coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f mode:s nearest_mode:s
        Resize 13 1-4 1 coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f mode:s nearest_mode:s
        Resize 18 1-4 1 antialias:i axes:is coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f keep_aspect_ratio_policy:s mode:s nearest_mode:s
        RoiAlign 10 3 1 mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f
        RoiAlign 16 3 1 coordinate_transformation_mode:s mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f
        Round 11 1 1
        Scatter 9 3 1 axis:i
        Scatter 11 removed
        ScatterElements 11 3 1 axis:i
        ScatterElements 16 3 1 axis:i reduction:s
        ScatterND 11 3 1
        ScatterND 16 3 1 reduction:s
        Selu 6 1 1 alpha:f gamma:f
        Shape 1 1 1
        Shape 15 1 1 end:i start:i
        Shrink 9 1 1 bias:f lambd:f
        Sigmoid 6 1 1
        Sign 9 1 1
        Sin 7 1 1
        Sinh 9 1 1
        Size 1 1 1
        Slice 1 1 1 axes:is ends:is! starts:is!
        Slice 10 3-5 1
        Softmax 1 1 1 axis:i
        Softplus 1 1 1
        Softsign 1 1 1
        SpaceToDepth 1 1 1 blocksize:i!
        Split 2 1 1+ axis:i split:is
        Split 13 1-2 1+ axis:i
        Split 18 1-2 1+ axis:i num_outputs:i
        Sqrt 6 1 1
        Squeeze 1 1 1 axes:is
        Squeeze 13 1-2 1
        Sub 7 2 1
        Sum 6 1+ 1
        Swish 24 1 1 alpha:f
        Tan 7 1 1
        Tanh 6 1 1
        ThresholdedRelu 10 1 1 alpha:f
        Tile 6 2 1
        TopK 1 1 2 axis:i k:i!
        TopK 10 2 2 axis:i
        TopK 11 2 2 axis:i largest:i sorted:i
        Transpose 1 1 1 perm:is
        Trilu 14 1-2 1 upper:i
        Unsqueeze 1 1 1 axes:is!
        Unsqueeze 13 2 1
        Upsample 9 2 1 mode:s
        Upsample 10 removed
        Where 9 3 1
        Xor 7 2 1
        """;

    static readonly ILookup<string, Signature> signatures = Text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Parse).ToLookup(s => s.OpType);

    /// <summary>True for an operator of the table, at any opset.</summary>
    public static bool Has(string opType) => signatures.Contains(opType);

    /// <summary>Adds what is wrong with the node's operator, numbers of inputs and outputs, and attributes.</summary>
    public static void Check(Node node, long opset, List<Problem> problems)
    {
        void Report(ProblemKind kind, string text) => problems.Add(new(kind, $"Node {node}: {text}."));
        if (!Has(node.OpType))
        {
            Report(ProblemKind.Operator, $"ONNX's operator '{node.OpType}' is not known to this checker, or does not exist");
            return;
        }
        var signature = signatures[node.OpType].LastOrDefault(s => s.Since <= opset);
        if (signature is null)
        {
            Report(ProblemKind.Operator, $"{node.OpType} exists from opset {signatures[node.OpType].First().Since}; the model has {opset}");
            return;
        }
        if (signature.IsRemoved)
        {
            Report(ProblemKind.Operator, $"{node.OpType} was removed in opset {signature.Since}; the model has {opset}");
            return;
        }
        CheckCount("input", signature.Inputs, node.Inputs);
        CheckCount("output", signature.Outputs, node.Outputs);
        foreach (var (name, (type, required)) in signature.Attributes)
            if (required && node.Attribute(name) is null)
                Report(ProblemKind.Attribute, $"the attribute '{name}' is missing");
        foreach (var attribute in node.Attributes)
            if (!signature.Attributes.TryGetValue(attribute.Name, out var expected))
                Report(ProblemKind.Attribute, $"{node.OpType} of opset {opset} has no attribute '{attribute.Name}'");
            else if (TypeOf(attribute) != expected.Type)
                Report(ProblemKind.Attribute, $"the attribute '{attribute.Name}' has the type {TypeOf(attribute)}, expected {expected.Type} (i f s t: integer, float, text, tensor; g: graph; s behind them: a list)");

        void CheckCount(string what, (int Least, int Most) range, IReadOnlyList<Value?> values)
        {
            if (values.Count < range.Least || values.Count > range.Most)
                Report(ProblemKind.Operator, $"{values.Count} {what}(s) are given, {node.OpType} of opset {opset} takes {range.Least}{(range.Most == int.MaxValue ? " or more" : range.Most > range.Least ? $" to {range.Most}" : "")}");
            for (int i = 0; i < Math.Min(range.Least, values.Count); i++)
                if (values[i] is null && !(node.OpType == "Resize" && what == "input" && i > 0))
                    Report(ProblemKind.Operator, $"{what} {i} is left out, but required");
        }
    }

    static string TypeOf(Attribute attribute) => attribute.Value switch
    {
        long => "i",
        float => "f",
        string => "s",
        Tensor => "t",
        long[] => "is",
        float[] => "fs",
        string[] => "ss",
        _ => "g",
    };

    static Signature Parse(string line)
    {
        string[] words = line.Split(' ');
        long since = Number(words[1]);
        if (words[2] == "removed")
            return new(words[0], since, default, default, [], IsRemoved: true);
        var attributes = words.Skip(4).Select(w => w.Split(':')).ToDictionary(w => w[0], w => (w[1].TrimEnd('!'), w[1].EndsWith('!')));
        return new(words[0], since, Range(words[2]), Range(words[3]), attributes, IsRemoved: false);
    }

    static (int, int) Range(string text) => text.EndsWith('+') ? (Number(text[..^1]), int.MaxValue)
        : text.Split('-') is [var least, var most] ? (Number(least), Number(most))
        : (Number(text), Number(text));

    static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    sealed record Signature(string OpType, long Since, (int Least, int Most) Inputs, (int Least, int Most) Outputs,
        Dictionary<string, (string Type, bool IsRequired)> Attributes, bool IsRemoved);
}
