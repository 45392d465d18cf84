using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary><c>LayerNorm</c> and <c>LayerNormQuantize</c>.</summary>
sealed class LayerNormOperator(bool quantize) : CustomOperator
{
    public override string Name => quantize ? "LayerNormQuantize" : "LayerNorm";

    public override IReadOnlyList<OperatorInput> Inputs { get; } = [new(ElementType.Float), new(ElementType.Float), new(ElementType.Float, Optional: true)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [quantize ? ElementType.UInt8 : ElementType.Float];

    public override OperatorKernel Create(NodeInfo node)
    {
        var description = new LayerNormDescription
        {
            Gamma = node.Vector<float>(1, "gamma"),
            Beta = node.OptionalVector<float>(2, "beta"),
            Epsilon = node.Float("epsilon"),
        };
        if (quantize)
        {
            var (scale, codes) = node.Quantizer();
            description = description with { Scale = scale, Codes = codes };
        }
        return new Kernel(new LayerNormOperation(description));
    }

    public override void InferShapes(ShapeContext context)
    {
        if (context.Input(0) is { } shape)
            context.SetOutput(0, shape);
    }

    sealed unsafe class Kernel(LayerNormOperation operation) : OperatorKernel
    {
        public override void Run(RunContext context)
        {
            var x = context.Input(0);
            long rows = x.Rows(operation.Features, "x");
            var y = context.Output(0, x.Shape);
            if (rows == 0)
                return;
            if (operation.Codes is null)
                operation.Run(x.Pointer<float>(), rows, y.Pointer<float>(), context.Workers);
            else
                operation.Run(x.Pointer<float>(), rows, y.Pointer<byte>(), context.Workers);
        }
    }
}
