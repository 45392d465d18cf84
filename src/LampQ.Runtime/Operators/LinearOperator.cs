using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>What a linear operator returns.</summary>
enum LinearResult
{
    /// <summary><c>Linear</c>: floats, with an optional residual.</summary>
    Floats,
    /// <summary><c>LinearQuantize</c>: uniform codes, with an optional activation.</summary>
    Codes,
    /// <summary><c>LinearLevels</c>: levels of a table in bytes, with an optional activation.</summary>
    Levels,
}

/// <summary><c>Linear</c>, <c>LinearQuantize</c> and <c>LinearLevels</c>.</summary>
sealed class LinearOperator(LinearResult result) : CustomOperator
{
    /// <summary>Input of <c>Linear</c> that the output may take the place of: a tile is read before it is written, by the thread that writes it.</summary>
    public const int Residual = 5;

    const int Weight = 1, Multiplier = 2, Bias = 3, WeightZeroPoint = 4, OutputMultiplier = 5, OutputZeroPoint = 6;

    static readonly OperatorInput[] common =
    [
        new(ElementType.UInt8), new(ElementType.UInt8), new(ElementType.Float), new(ElementType.Float, Optional: true), new(ElementType.Int32, Optional: true),
    ];

    public override string Name => result switch { LinearResult.Floats => "Linear", LinearResult.Codes => "LinearQuantize", _ => "LinearLevels" };

    public override IReadOnlyList<OperatorInput> Inputs { get; } = result == LinearResult.Codes
        ? [.. common, new(ElementType.Float), new(ElementType.UInt8)]
        : [.. common, new(ElementType.Float, Optional: true)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [result == LinearResult.Floats ? ElementType.Float : ElementType.UInt8];

    public override int? InputTheOutputMayReplace => result == LinearResult.Floats ? Residual : null;

    public override OperatorKernel Create(NodeInfo node)
    {
        var description = new LinearDescription
        {
            OutFeatures = node.Integer("out_features"),
            InFeatures = node.Integer("in_features"),
            XColumns = node.Integer("x_columns", node.Integer("in_features")),
            XOffset = node.Integer("x_offset", 0),
            Bits = node.Integer("bits"),
            XZeroPoint = node.Integer("x_zero_point"),
            Multiplier = node.Vector<float>(Multiplier, "multiplier"),
            Bias = node.OptionalVector<float>(Bias, "bias"),
            WeightZeroPoint = node.OptionalVector<int>(WeightZeroPoint, "weight_zero_point"),
            Output = result switch { LinearResult.Floats => null, LinearResult.Codes => ReadOutput(node), _ => ReadTable(node) },
        };
        return new Kernel(description, node.ConstantVector(Weight, "weight"), hasResidual: result == LinearResult.Floats && node.Has(Residual));
    }

    public override void InferShapes(ShapeContext context)
    {
        // How many bytes a level has is in an attribute that shape inference cannot read.
        if (result != LinearResult.Levels && context.Input(0) is { } shape && context.Integer("out_features") is { } features)
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

    static LinearOutput ReadTable(NodeInfo node) => new()
    {
        Multiplier = node.OptionalVector<float>(OutputMultiplier, "output_multiplier") ?? [.. Enumerable.Repeat(1f, node.Integer("out_features"))],
        Activation = GatedActivation.Parse(node.Text("activation", "none")),
        Table = new LevelTable(node.Floats("thresholds"), node.Integers("levels")),
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
            long rows = x.Rows(operation.XColumns, "x");
            Span<long> shape = stackalloc long[x.Shape.Length];
            x.Shape.CopyTo(shape);
            shape[^1] = operation.OutColumns;
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
