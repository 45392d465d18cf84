using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary><c>Linear</c> (float results, with an optional residual) and <c>LinearQuantize</c> (codes, with an optional activation).</summary>
sealed class LinearOperator(bool quantize) : CustomOperator
{
    /// <summary>Input of <c>Linear</c> that the output may take the place of: a tile is read before it is written, by the thread that writes it.</summary>
    public const int Residual = 5;

    const int Weight = 1, Multiplier = 2, Bias = 3, WeightZeroPoint = 4, OutputMultiplier = 5, OutputZeroPoint = 6;

    static readonly OperatorInput[] common =
    [
        new(ElementType.UInt8), new(ElementType.UInt8), new(ElementType.Float), new(ElementType.Float, Optional: true), new(ElementType.Int32, Optional: true),
    ];

    public override string Name => quantize ? "LinearQuantize" : "Linear";

    public override IReadOnlyList<OperatorInput> Inputs { get; } = quantize
        ? [.. common, new(ElementType.Float), new(ElementType.UInt8)]
        : [.. common, new(ElementType.Float, Optional: true)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [quantize ? ElementType.UInt8 : ElementType.Float];

    public override int? InputTheOutputMayReplace => quantize ? null : Residual;

    public override OperatorKernel Create(NodeInfo node)
    {
        var description = new LinearDescription
        {
            OutFeatures = node.Integer("out_features"),
            InFeatures = node.Integer("in_features"),
            Bits = node.Integer("bits"),
            XZeroPoint = node.Integer("x_zero_point"),
            Multiplier = node.Vector<float>(Multiplier, "multiplier"),
            Bias = node.OptionalVector<float>(Bias, "bias"),
            WeightZeroPoint = node.OptionalVector<int>(WeightZeroPoint, "weight_zero_point"),
            Output = quantize ? ReadOutput(node) : null,
        };
        return new Kernel(description, node.ConstantVector(Weight, "weight"), hasResidual: !quantize && node.Has(Residual));
    }

    public override void InferShapes(ShapeContext context)
    {
        if (context.Input(0) is { } shape && context.Integer("out_features") is { } features)
            context.SetOutput(0, [.. shape[..^1], features]);
    }

    static LinearOutput ReadOutput(NodeInfo node) => new()
    {
        Multiplier = node.Vector<float>(OutputMultiplier, "output_multiplier"),
        ZeroPoint = node.Vector<byte>(OutputZeroPoint, "output_zero_point"),
        Activation = GatedActivation.Parse(node.Text("activation", "none")),
        Low = node.Integer("low", 0),
        High = node.Integer("high", 255),
    };

    sealed unsafe class Kernel : OperatorKernel
    {
        const int Alignment = 64;
        readonly LinearOperation operation;
        readonly bool hasResidual;

        // Only where ONNX Runtime did not align the initializer: it does for what it allocates itself, but not for memory a caller gives it.
        readonly AlignedArray<byte>? copy;

        public Kernel(LinearDescription description, TensorView weight, bool hasResidual)
        {
            byte* bytes = weight.Pointer<byte>();
            if ((nint)bytes % Alignment != 0)
                bytes = (copy = new AlignedArray<byte>(weight.As<byte>())).Pointer;
            operation = new LinearOperation(description, bytes, weight.Count);
            this.hasResidual = hasResidual;
        }

        public override void Run(RunContext context)
        {
            var x = context.Input(0);
            long rows = x.Rows(operation.InFeatures, "x");
            Span<long> shape = stackalloc long[x.Shape.Length];
            x.Shape.CopyTo(shape);
            shape[^1] = operation.OutFeatures;
            float* residual = hasResidual ? ResidualOf(context, shape) : null;
            var y = context.Output(0, shape);
            if (rows == 0)
                return;
            if (operation.Codes is null)
                operation.Run(x.Pointer<byte>(), rows, residual, y.Pointer<float>(), context.Workers);
            else
                operation.Run(x.Pointer<byte>(), rows, y.Pointer<byte>(), context.Workers);
            GC.KeepAlive(copy);
        }

        static float* ResidualOf(RunContext context, ReadOnlySpan<long> shape)
        {
            var residual = context.Input(Residual);
            return residual.Shape.AsSpan().SequenceEqual(shape)
                ? residual.Pointer<float>()
                : throw new InvalidDataException($"residual has shape {residual.ShapeText}; that of the output, [{string.Join(", ", shape.ToArray())}], is expected.");
        }
    }
}
