namespace LampQ.Onnx;

/// <summary>Operators between real numbers and their integer codes.</summary>
static class QuantizationShapes
{
    public static IEnumerable<(string, ShapeRule)> Rules =>
    [
        ("QuantizeLinear", Quantize),
        ("DequantizeLinear", n => n.Set(0, n.Node.Attribute("output_dtype") is { Value: long and not 0 } type ? (ElementType)(long)type.Value : n.Has(1) ? n.Type(1) : ElementType.Float, n.Shape(0))),
        ("DynamicQuantizeLinear", DynamicQuantize),
    ];

    static void Quantize(NodeShapes n)
    {
        long stated = n.Node.Int("output_dtype");
        n.Set(0, n.Has(2) ? n.Type(2) : stated != 0 ? (ElementType)stated : ElementType.UInt8, n.Shape(0));
    }

    static void DynamicQuantize(NodeShapes n)
    {
        n.Set(0, ElementType.UInt8, n.Shape(0));
        n.Set(1, ElementType.Float, []);
        n.Set(2, ElementType.UInt8, []);
    }
}
