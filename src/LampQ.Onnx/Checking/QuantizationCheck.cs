namespace LampQ.Onnx;

/// <summary>QuantizeLinear and DequantizeLinear: code types by opset, and scale and zero point that fit each other and the tensor.</summary>
static class QuantizationCheck
{
    public static void Check(Node node, long opset, List<Problem> problems)
    {
        if (!node.Is("QuantizeLinear", "DequantizeLinear") || node.Input(0) is not { } x || node.Input(1) is not { } scale)
            return;
        bool quantizes = node.Is("QuantizeLinear");
        var zeroPoint = node.Input(2);
        var codes = quantizes ? node.Output.Type : x.Type;
        void Report(string text, ProblemKind kind = ProblemKind.Quantization) => problems.Add(new(kind, $"Node {node} {text}."));

        long since = codes switch
        {
            ElementType.Undefined => 0,
            ElementType.Int8 or ElementType.UInt8 => 10,
            ElementType.Int32 when !quantizes => 10,
            ElementType.Int16 or ElementType.UInt16 => 21,
            _ when TypeCheck.Since(codes) >= 19 => TypeCheck.Since(codes),
            _ => long.MaxValue,
        };
        if (since == long.MaxValue)
            Report($"has codes of type {codes}, which is no type of codes", ProblemKind.Type);
        else if (opset < since)
            Report($"has codes of type {codes}, which needs opset {since}; the model has {opset}", ProblemKind.Type);
        if (zeroPoint is not null && codes != ElementType.Undefined && zeroPoint.Type != ElementType.Undefined && zeroPoint.Type != codes)
            Report($"has codes of type {codes} and a zero point of type {zeroPoint.Type}; they must be the same");
        if (scale.Type is not (ElementType.Undefined or ElementType.Float or ElementType.Float16 or ElementType.BFloat16))
            Report($"has a scale of type {scale.Type}; a float type is expected");
        if (quantizes && x.Type != ElementType.Undefined && x.Type is not (ElementType.Float or ElementType.Float16 or ElementType.BFloat16 or ElementType.Int32))
            Report($"quantizes {x.Type}; a float type or Int32 is expected", ProblemKind.Type);
        CheckShape(node, opset, x, scale, zeroPoint, Report);

        if (scale.Constant is { Type: ElementType.Float } values && values.ToFloats().FirstOrDefault(s => !(s > 0 && float.IsFinite(s)), 1) is var wrong and not 1)
            Report($"has a scale of {wrong}; scales are positive and finite");
        if (codes == ElementType.Int32 && zeroPoint?.Constant is { } zeros && Array.Exists(zeros.ToIntegers(), z => z != 0))
            Report("dequantizes Int32 with a zero point other than 0");
    }

    static void CheckShape(Node node, long opset, Value x, Value scale, Value? zeroPoint, Action<string, ProblemKind> report)
    {
        if (scale.Shape is not { } sizes)
            return;
        void Report(string text) => report(text, ProblemKind.Quantization);
        string Show(IReadOnlyList<Dimension> shape) => NodeShapes.Show(shape);
        if (zeroPoint?.Shape is { } zeros && (zeros.Count != sizes.Count || zeros.Zip(sizes).Any(p => p.First.Size is { } a && p.Second.Size is { } b && a != b)))
            Report($"has a scale {Show(sizes)} and a zero point {Show(zeros)}; they must have the same shape");
        bool isSingle = sizes.Count == 0 || sizes.Count == 1 && sizes[0].Size == 1;
        if (isSingle)
            return;
        if (opset < 13)
            Report($"has a scale {Show(sizes)}; one scale a channel needs opset 13, the model has {opset}");
        if (x.Shape is not { } shape)
            return;
        long axis = node.Int("axis", 1);
        if (axis < -shape.Count || axis >= shape.Count)
        {
            Report($"quantizes along axis {axis} of {Show(shape)}, which does not exist");
            return;
        }
        int at = (int)(axis < 0 ? axis + shape.Count : axis);
        if (sizes.Count == 1)
        {
            if (sizes[0].Size is { } count && shape[at].Size is { } channels && count != channels)
                Report($"has {count} scales for the {channels} channels of axis {axis} of {Show(shape)}");
            return;
        }
        long block = node.Int("block_size");
        if (opset < 21 || block <= 0)
            Report($"has a scale of rank {sizes.Count}; blocks need opset 21 and a positive block_size");
        else if (sizes.Count != shape.Count)
            Report($"has a scale {Show(sizes)} for blocks of {Show(shape)}; the ranks must be equal");
        else
            for (int i = 0; i < shape.Count; i++)
                if (shape[i].Size is { } size && sizes[i].Size is { } blocks && blocks != (i == at ? (size + block - 1) / block : size))
                    Report($"has {blocks} scales along axis {i} of {Show(shape)}, with blocks of {block} along axis {at}");
    }
}
