namespace LampQ.Onnx;

/// <summary>
/// The pattern of a quantized attention: Q, Kᵀ and V as quantized activations with zero point 128, and the attention map A, as it is or row by row:
/// m = max_j A_ij, A_ij/m quantized, and the context multiplied by m again. Uniform codes of a row are 0 to 2^bits − 1 with scale 1/(2^bits − 1).
/// </summary>
/// <remarks>
/// With one scale for the whole map most of it rounds to 0: on DeiT-Tiny the median entry is 0.0015, half a step of an 8-bit map is 0.002, and each
/// query loses a share of its mass. A row's own maximum costs two passes over the map in ONNX Runtime, and nothing in a fused kernel, which
/// has exp(x − max) at hand before it normalizes. The scale needs no calibration. Measured in docs/decisions/0008-attention-map.md.
/// </remarks>
public static class QdqAttention
{
    /// <summary>Quantizes the four operands of an attention.</summary>
    /// <param name="activations">Writer of quantized activations of the same graph.</param>
    /// <param name="attention">An attention of the graph.</param>
    /// <param name="q">Quantizer of Q.</param>
    /// <param name="k">Quantizer of Kᵀ.</param>
    /// <param name="v">Quantizer of V.</param>
    /// <param name="mapCode">How the attention map is coded.</param>
    /// <param name="opset">Version of the operator set the graph is written in.</param>
    /// <param name="name">Prefix of the new names.</param>
    public static void Write(QdqActivation activations, Attention attention, AffineQuantizer q, AffineQuantizer k, AffineQuantizer v, MapCode mapCode, long opset, string name)
    {
        Quantize(activations, attention.Scores, 0, q, $"{name}.q");
        Quantize(activations, attention.Scores, 1, k, $"{name}.k");
        Quantize(activations, attention.Context, 1, v, $"{name}.v");

        var graph = attention.Context.Graph;
        var map = attention.Context.Input(0)!;
        if (!mapCode.IsRowByRow)
        {
            attention.Context.SetInput(0, activations.Write(map, mapCode.Quantizer, $"{name}.map"));
            return;
        }
        var largest = opset >= 18
            ? graph.Emit("ReduceMax", [map, graph.AddInitializer($"{name}.map.last_axis", Tensor.Of([-1L]))], $"{name}.map.largest")
            : graph.Emit("ReduceMax", [map], $"{name}.map.largest", ("axes", new long[] { -1 }));
        (largest.Type, largest.Shape) = (ElementType.Float, map.Shape is { } shape ? [.. shape.Take(shape.Count - 1), new Dimension(1)] : null);
        var relative = graph.Emit("Div", [map, largest], $"{name}.map.relative");
        (relative.Type, relative.Shape) = (ElementType.Float, map.Shape);
        attention.Context.SetInput(0, activations.Write(relative, mapCode.Quantizer, $"{name}.map"));

        var context = attention.Context.Output;
        var scaled = graph.Emit("Mul", [context, largest], $"{name}.context");
        (scaled.Type, scaled.Shape) = (context.Type, context.Shape);
        graph.ReplaceUses(context, scaled, except: scaled.Producer);
    }

    /// <summary>The form of the attention map between softmax and context, or null with the reason where it is neither of the two.</summary>
    /// <param name="softmax">The softmax over keys.</param>
    /// <param name="context">The product of map and values.</param>
    /// <param name="reason">Why not; empty when recognised.</param>
    /// <returns>
    /// The quantizer of the map, and the end of the pattern: the context multiplied by the row's maximum (row by row, as <see cref="Write"/> writes it), or the
    /// context itself (one scale for the whole map, as other tools write it).
    /// </returns>
    public static QuantizedMap? MatchMap(Node softmax, Node context, out string reason)
    {
        reason = "The attention map is not quantized with one scale.";
        if (context.Input(0) is not { } operand)
            return null;
        Value source;
        AffineQuantizer? uniform = null;
        CodedActivation? coded = null;
        Node[] readers;
        if (QdqActivation.Match(operand) is { } map)
            (source, uniform, readers) = (map.Source, map.Quantizer, [map.Quantize, .. map.Quantize.Input(0)!.Producer is { } clip && clip.Is("Clip") ? [clip] : Array.Empty<Node>()]);
        else if ((coded = CodedActivation.Match(operand)) is not null)
            (source, readers) = (coded.Source, [.. coded.Readers]);
        else
        {
            if (CodedActivation.SourceOf(operand) is not null)
                reason = "The attention map has codes whose parameters are not constant, or whose values do not grow with what they stand for.";
            return null;
        }
        if (source == softmax.Output)
        {
            if (softmax.Output.IsGraphOutput || softmax.Output.Uses.Any(u => !readers.Contains(u.Node)))
            {
                reason = "The attention map is used elsewhere too.";
                return null;
            }
            reason = "";
            return new QuantizedMap(uniform, coded, false, context.Output);
        }
        if (!IsRelative(source, softmax.Output, out var largest) || context.Output.OnlyConsumer is not { } scaled || !scaled.Is("Mul") || !scaled.Inputs.Contains(largest)
            || softmax.Output.Uses.Count != 2 || softmax.Output.IsGraphOutput || largest!.Uses.Count != 2)
            return null;
        if (uniform is { } q && (q.ZeroPoint != 0 || q.Low != 0 || q.Scale != 1f / q.High || !System.Numerics.BitOperations.IsPow2(q.High + 1)))
        {
            reason = "The relative attention map has other codes than 0 to 2^bits − 1 for 0 to 1.";
            return null;
        }
        reason = "";
        return new QuantizedMap(uniform, coded, true, scaled.Output);
    }

    /// <summary>True for map/max(map) over the last axis.</summary>
    public static bool IsRelative(Value value, Value map, out Value? largest)
    {
        largest = null;
        if (value.Producer is not { } div || !div.Is("Div") || div.Input(0) != map || div.Input(1)?.Producer is not { } max || !max.Is("ReduceMax") || max.Input(0) != map || max.Int("keepdims", 1) != 1)
            return false;
        largest = max.Output;
        long[]? axes = max.Ints("axes") ?? max.Input(1)?.Constant?.ToIntegers();
        return axes is [var axis] && (axis == -1 || map.Shape is { } shape && axis == shape.Count - 1);
    }

    static void Quantize(QdqActivation activations, Node node, int index, AffineQuantizer quantizer, string name) =>
        node.SetInput(index, activations.Write(node.Input(index)!, quantizer, name));
}

/// <summary>A recognised attention map; one of <paramref name="Quantizer"/> and <paramref name="Coded"/> is null.</summary>
/// <param name="Quantizer">Uniform quantizer of the map, or of the map relative to the maximum of its row.</param>
/// <param name="Coded">Other codes of either.</param>
/// <param name="IsRowByRow">True for the map relative to the maximum of its row.</param>
/// <param name="Context">softmax(·)·V, in full.</param>
public sealed record QuantizedMap(AffineQuantizer? Quantizer, CodedActivation? Coded, bool IsRowByRow, Value Context);
