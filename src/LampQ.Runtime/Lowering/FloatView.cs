using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>
/// A quantized model with the quantization left out, so that the families that know float models find its layers, attentions and norms. Values keep their
/// names; weights are only as large as they look, because structure does not depend on their numbers. Vectors, γ and β among them, have theirs.
/// </summary>
sealed class FloatView
{
    readonly Graph graph;

    public FloatView(Model quantized)
    {
        var model = quantized.Clone();
        graph = model.Graph;
        foreach (var node in graph.Nodes.Where(n => n.Is("DequantizeLinear")).ToArray())
            if (node.Input(0)?.Constant is { } stored)
                ReplaceByFloats(node, node.Input(0)!, Dequantize(node, stored));
            else if (QdqActivation.Match(node.Output) is { } activation)
                graph.ReplaceUses(node.Output, activation.Source);
        foreach (var node in graph.Nodes.Where(n => n.Is("Gather", "Where", "Mul")).ToArray())
            if (CodedActivation.SourceOf(node.Output) is { } source)
                graph.ReplaceUses(node.Output, source);
            else if (CodedActivation.FoldedWeight(node.Output) is { } codes)
                ReplaceByFloats(node, codes, Tensor.OfBytes(ElementType.Float, new byte[codes.Constant!.Count * sizeof(float)], [.. codes.Constant.Shape]));
        foreach (var softmax in graph.Nodes.Where(n => n.Is("Softmax")).ToArray())
            DropRowMaximum(softmax);
        graph.RemoveUnused();
        graph.Sort();
        ShapeInference.Infer(model);
        ModelFamily.Detect(model, out var structure);
        Structure = structure;
    }

    public ModelStructure Structure { get; }

    /// <summary>The shape of a value of the quantized model: that of its name in the view, or what the value says itself.</summary>
    public IReadOnlyList<Dimension>? Shape(Value value) => value.Constant is { } constant ? [.. constant.Shape.Select(d => new Dimension(d))] : graph.Find(value.Name)?.Shape ?? value.Shape;

    /// <summary>True when both are known to have the same shape in every run: equal sizes and equal names.</summary>
    public bool HaveSameShape(Value a, Value b) =>
        Shape(a) is { } left && Shape(b) is { } right && left.SequenceEqual(right) && left.All(d => d.Size is not null || d.Symbol is not null);

    void DropRowMaximum(Node softmax)
    {
        var map = softmax.Output;
        if (map.Uses.Select(u => u.Node).FirstOrDefault(n => n.Is("Div")) is not { } div || !QdqAttention.IsRelative(div.Output, map, out var largest))
            return;
        foreach (var use in largest!.Uses.Where(u => u.Node.Is("Mul")).ToArray())
            graph.ReplaceUses(use.Node.Output, use.Node.Input(1 - use.Index)!);
        graph.ReplaceUses(div.Output, map);
    }

    /// <summary>Under the name the weight had before it was quantized, where its codes tell: layers are named after it.</summary>
    void ReplaceByFloats(Node node, Value codes, Tensor floats)
    {
        const string Codes = "_quantized";
        string name = codes.Name.EndsWith(Codes, StringComparison.Ordinal) ? codes.Name[..^Codes.Length] : node.Output.Name + "_float";
        if (node.Output.Name == name)
            graph.Rename(node.Output, graph.NewName(name + ".dequantized"));
        graph.ReplaceUses(node.Output, graph.AddInitializer(name, floats));
    }

    static Tensor Dequantize(Node node, Tensor stored)
    {
        var shape = stored.Shape.ToArray();
        if (stored.Rank >= 2 && stored.Count != shape[^1])
            return Tensor.OfBytes(ElementType.Float, new byte[stored.Count * sizeof(float)], shape);
        float[] scales = node.Input(1)?.Constant?.ToFloats() ?? [1];
        long[] codes = stored.ToIntegers(), zeroPoints = node.Input(2)?.Constant?.ToIntegers() ?? [0];
        return Tensor.Of([.. codes.Select((c, i) => (c - zeroPoints[i % zeroPoints.Length]) * scales[i % scales.Length])], shape);
    }
}
