using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary><c>Attention</c> and <c>AttentionQuantize</c>.</summary>
sealed class AttentionOperator(bool quantize) : CustomOperator
{
    const int Q = 0, K = 1, V = 2, Bias = 3;

    public override string Name => quantize ? "AttentionQuantize" : "Attention";

    public override IReadOnlyList<OperatorInput> Inputs { get; } =
        [new(ElementType.UInt8), new(ElementType.UInt8), new(ElementType.UInt8), new(ElementType.Float, Optional: true)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [quantize ? ElementType.UInt8 : ElementType.Float];

    public override OperatorKernel Create(NodeInfo node)
    {
        bool tensor = node.Text("map") switch
        {
            "row" => false,
            "tensor" => true,
            var other => throw new InvalidDataException($"map is '{other}'; row, tensor are known."),
        };
        var description = new AttentionDescription
        {
            Heads = node.Integer("heads"),
            HeadSize = node.Integer("head_size"),
            QOffset = node.Integer("q_offset"),
            KOffset = node.Integer("k_offset"),
            VOffset = node.Integer("v_offset"),
            QZeroPoint = node.Integer("q_zero_point"),
            KZeroPoint = node.Integer("k_zero_point"),
            VZeroPoint = node.Integer("v_zero_point"),
            ScoreScale = node.Floats("score_scales", null) is null ? node.Float("score_scale") : 0,
            ScoreScales = node.Floats("score_scales", null),
            ContextScale = node.Float("context_scale"),
        };
        if (node.Floats("map_thresholds", null) is { } thresholds)
            description = description with { MapTable = new LevelTable(thresholds, node.Integers("map_levels"), "map_"), TableOfRows = !tensor };
        else
            description = description with
            {
                MapBits = node.Integer("map_bits"),
                MapScale = tensor ? node.Float("map_scale") : null,
                MapZeroPoint = tensor ? node.Integer("map_zero_point") : 0,
            };
        if (quantize)
        {
            var (scale, codes) = node.Quantizer();
            description = description with { Scale = scale, Codes = codes };
        }
        return new Kernel(new AttentionOperation(description), node.Has(Bias));
    }

    public override void InferShapes(ShapeContext context)
    {
        if (context.Input(Q) is [var batch, var tokens, _] && context.Integer("heads") is { } heads && context.Integer("head_size") is { } headSize)
            context.SetOutput(0, batch, tokens, heads * headSize);
    }

    sealed unsafe class Kernel(AttentionOperation operation, bool hasBias) : OperatorKernel
    {
        public override void Run(RunContext context)
        {
            TensorView q = Rank3(context, Q, "q"), k = Rank3(context, K, "k"), v = Rank3(context, V, "v");
            long batch = q.Shape[0], tokens = k.Shape[1];
            if (k.Shape[0] != batch || v.Shape[0] != batch || v.Shape[1] != tokens)
                throw new InvalidDataException($"q {q.ShapeText}, k {k.ShapeText} and v {v.ShapeText} do not have one batch, or k and v not one number of tokens.");
            var inputs = new AttentionInputs
            {
                Q = q.Pointer<byte>(),
                K = k.Pointer<byte>(),
                V = v.Pointer<byte>(),
                QColumns = q.Shape[2],
                KColumns = k.Shape[2],
                VColumns = v.Shape[2],
                Batch = batch,
                QueryTokens = q.Shape[1],
                Tokens = tokens,
            };
            if (hasBias)
                TakeBias(context.Input(Bias), ref inputs);
            // An empty batch may have no tokens at all. Otherwise, before the output: a wrong number of heads would allocate gigabytes of it.
            bool empty = batch == 0 || inputs.QueryTokens == 0;
            if (!empty)
                operation.Check(inputs);
            var y = context.Output(0, batch, inputs.QueryTokens, operation.Columns);
            if (empty)
                return;
            if (operation.Description.Scale is null)
                operation.Run(inputs, y.Pointer<float>(), context.Workers);
            else
                operation.Run(inputs, y.Pointer<byte>(), context.Workers);
        }

        static TensorView Rank3(RunContext context, int input, string what)
        {
            var tensor = context.Input(input);
            return tensor.Shape.Length == 3
                ? tensor
                : throw new InvalidDataException($"{what} has shape {tensor.ShapeText}; [batch, tokens, columns] is expected.");
        }

        static void TakeBias(TensorView bias, ref AttentionInputs inputs)
        {
            if (bias.Shape is not [var windows, var heads, var queries, var tokens] || queries != inputs.QueryTokens || tokens != inputs.Tokens)
                throw new InvalidDataException($"bias has shape {bias.ShapeText}; [windows, heads, {inputs.QueryTokens}, {inputs.Tokens}] is expected.");
            inputs.Bias = bias.Pointer<float>();
            (inputs.BiasWindows, inputs.BiasHeads) = (windows, heads);
        }
    }
}
