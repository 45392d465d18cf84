using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary><c>PatchesQuantize</c>.</summary>
sealed class PatchesOperator : CustomOperator
{
    public override string Name => "PatchesQuantize";

    public override IReadOnlyList<OperatorInput> Inputs { get; } = [new(ElementType.Float)];

    public override IReadOnlyList<ElementType> Outputs { get; } = [ElementType.UInt8];

    public override OperatorKernel Create(NodeInfo node)
    {
        var (scale, codes) = node.Quantizer();
        return new Kernel(new PatchesOperation(new PatchesDescription
        {
            PatchHeight = node.Integer("patch_height"),
            PatchWidth = node.Integer("patch_width"),
            Scale = scale,
            Codes = codes,
        }));
    }

    public override void InferShapes(ShapeContext context)
    {
        if (context.Input(0) is [var batch, var channels, var height, var width] && context.Integer("patch_height") is { } ph && context.Integer("patch_width") is { } pw)
            context.SetOutput(0, batch,
                height.Number >= 0 && width.Number >= 0 ? height.Number / ph * (width.Number / pw) : ShapeDimension.Unknown,
                channels.Number >= 0 ? channels.Number * ph * pw : ShapeDimension.Unknown);
    }

    sealed unsafe class Kernel(PatchesOperation operation) : OperatorKernel
    {
        public override void Run(RunContext context)
        {
            var x = context.Input(0);
            if (x.Shape is not [var batch, var channels, var height, var width])
                throw new InvalidDataException($"The image has shape {x.ShapeText}; [batch, channels, height, width] is expected.");
            // Also what keeps the product of the sizes of a patch from overflowing: a patch is no larger than the image.
            if (height < operation.PatchHeight || width < operation.PatchWidth)
                throw new InvalidDataException($"The image {x.ShapeText} is smaller than a patch of {operation.PatchHeight} x {operation.PatchWidth}.");
            var y = context.Output(0, batch, height / operation.PatchHeight * (width / operation.PatchWidth), channels * operation.PatchHeight * operation.PatchWidth);
            operation.Run(x.Pointer<float>(), new ImageShape(batch, channels, height, width), y.Pointer<byte>(), context.Workers);
        }
    }
}
