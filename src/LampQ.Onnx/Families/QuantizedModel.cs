namespace LampQ.Onnx;

/// <summary>Tells models that are quantized already from float ones.</summary>
public static class QuantizedModel
{
    /// <summary>True when the model computes with quantized numbers anywhere.</summary>
    /// <param name="model">The model.</param>
    /// <param name="evidence">The first such node and how many there are, "'w_dq' (DequantizeLinear) and 99 more"; empty for a float model.</param>
    /// <remarks>Operators of LampQ's own packed domain count too. Inner graphs of If and Loop are not looked into.</remarks>
    public static bool IsQuantized(Model model, out string evidence)
    {
        Node[] nodes = [.. model.Graph.Nodes.Where(Quantizes)];
        evidence = nodes.Length switch
        {
            0 => "",
            1 => nodes[0].ToString(),
            _ => $"{nodes[0]} and {nodes.Length - 1} more",
        };
        return nodes.Length > 0;
    }

    static bool Quantizes(Node node) => node.Domain == "ai.lampq" || node.OpType is "QuantizeLinear" or "DequantizeLinear" or "DynamicQuantizeLinear"
        or "MatMulInteger" or "ConvInteger" or "MatMulNBits" or "MatMulBnb4" or "MatMulFpQ4" or "QAttention" or "QGemm" or "QMoE" or "GatherBlockQuantized"
        or "DynamicQuantizeMatMul" or "MatMulIntegerToFloat" or "MatMulInteger16" or "DynamicQuantizeLSTM" or "QuantizeBFP" or "DequantizeBFP"
        || node.OpType.StartsWith("QLinear", StringComparison.Ordinal) || node.OpType.StartsWith("QEmbed", StringComparison.Ordinal) || node.OpType.StartsWith("QOrdered", StringComparison.Ordinal);
}
