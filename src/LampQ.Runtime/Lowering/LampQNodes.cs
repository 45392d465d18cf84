using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>Writes the operators of ai.lampq (docs/formats.md) into a graph.</summary>
sealed class LampQNodes(Graph graph)
{
    public Value LayerNorm(Value x, Value gamma, Value? beta, float epsilon, AffineQuantizer? quantizer, string name)
    {
        List<(string, object)> attributes = [("epsilon", epsilon), .. CodeAttributes(quantizer)];
        return Emit(quantizer is null ? "LayerNorm" : "LayerNormQuantize", beta is null ? [x, gamma] : [x, gamma, beta], name, x.Shape, quantizer is null ? ElementType.Float : ElementType.UInt8, attributes);
    }

    /// <summary>x·Wᵀ + b [+ residual] in float.</summary>
    public Value Linear(Value codes, float xScale, int xZeroPoint, WeightCodes weights, float[]? bias, Value? residual, string name)
    {
        List<Value?> inputs = [codes, .. Matrix(weights, xScale, bias, name), residual];
        return Emit("Linear", inputs, name, Rows(codes, weights.Rows), ElementType.Float, MatrixAttributes(weights, xZeroPoint));
    }

    /// <summary>quantize(g(x·Wᵀ + b)·outputMultiplier).</summary>
    public Value LinearQuantize(Value codes, float xScale, int xZeroPoint, WeightCodes weights, float[]? bias, float[] outputMultiplier, byte[] outputZeroPoint,
        ActivationFunction? activation, int low, int high, string name)
    {
        List<Value?> inputs = [codes, .. Matrix(weights, xScale, bias, name), Vector(outputMultiplier, $"{name}.output_multiplier"), graph.AddInitializer($"{name}.output_zero_point", Tensor.Of(outputZeroPoint))];
        return Emit("LinearQuantize", inputs, name, Rows(codes, weights.Rows), ElementType.UInt8, [.. MatrixAttributes(weights, xZeroPoint), ("activation", Word(activation)), ("low", low), ("high", high)]);
    }

    /// <summary>Levels of g(x·Wᵀ + b)·factor, [..., planes·N].</summary>
    public Value LinearLevels(Value codes, float xScale, int xZeroPoint, WeightCodes weights, float[]? bias, float[]? factor, ActivationFunction? activation, IntegerLevels levels, string name)
    {
        float[]? factors = factor is { Length: 1 } ? [.. Enumerable.Repeat(factor[0], weights.Rows)] : factor;
        List<Value?> inputs = [codes, .. Matrix(weights, xScale, bias, name), factors is null ? null : Vector(factors, $"{name}.output_multiplier")];
        return Emit("LinearLevels", inputs, name, Rows(codes, weights.Rows * levels.Planes), ElementType.UInt8,
            [.. MatrixAttributes(weights, xZeroPoint), ("activation", Word(activation)), ("thresholds", levels.Thresholds), ("levels", levels.Levels)]);
    }

    /// <summary>x·Wᵀ + b [+ residual] of levels: Linear a plane, from the highest down, each adding to the one before it.</summary>
    public Value LinearOfLevels(Value x, IntegerLevels levels, WeightCodes weights, float[]? bias, Value? residual, string name)
    {
        var packed = Packed(weights, name);
        var zeroPoints = ZeroPoints(weights, name);
        var sum = residual;
        for (int plane = levels.Planes - 1; plane >= 0; plane--)
        {
            double scale = levels.Step * Math.Pow(256, plane);
            string planeName = plane == 0 ? name : $"{name}.byte{plane}";
            List<Value?> inputs = [x, packed, Vector([.. weights.Scales.Select(s => (float)(s * scale))], $"{planeName}.multiplier"), plane == 0 && bias is not null ? Vector(bias, $"{name}.bias") : null, zeroPoints, sum];
            sum = Emit("Linear", inputs, planeName, Rows(x, weights.Rows), ElementType.Float,
                [.. MatrixAttributes(weights, levels.ZeroPoint >> (8 * plane) & 255), ("x_columns", levels.Planes * weights.Columns), ("x_offset", plane * weights.Columns)]);
        }
        return sum!;
    }

    public Value Patches(Value image, int height, int width, AffineQuantizer quantizer, string name) =>
        Emit("PatchesQuantize", [image], name, null, ElementType.UInt8, [("patch_height", height), ("patch_width", width), .. CodeAttributes(quantizer)]);

    /// <summary>Attention or, with a quantizer of the output, AttentionQuantize; the attributes that both have are given.</summary>
    public Value Attention(Value q, Value k, Value v, Value? bias, IReadOnlyList<(string, object)> attributes, AffineQuantizer? quantizer, int channels, string name) =>
        Emit(quantizer is null ? "Attention" : "AttentionQuantize", bias is null ? [q, k, v] : [q, k, v, bias], name, Rows(q, channels), quantizer is null ? ElementType.Float : ElementType.UInt8,
            [.. attributes, .. CodeAttributes(quantizer)]);

    /// <summary>A movement of codes: the operator with its first input exchanged.</summary>
    public Value Move(Node movement, Value codes)
    {
        var node = graph.AddNode(movement.OpType, [codes, .. movement.Inputs.Skip(1)], [codes.Name + ".moved"], attributes: [.. movement.Attributes.Select(a => (a.Name, a.Value!))]);
        node.Name = node.Output.Name;
        (node.Output.Type, node.Output.Shape) = (ElementType.UInt8, movement.Output.Shape);
        return node.Output;
    }

    /// <summary>What ONNX Runtime's own QuantizeLinear computes, as uint8.</summary>
    public Value Quantize(Value source, AffineQuantizer quantizer, string name)
    {
        if (quantizer.Low > 0 || quantizer.High < 255)
            source = Typed(graph.Emit("Clip", [source, graph.AddInitializer($"{name}.clip_min", Tensor.Scalar(quantizer.Minimum)), graph.AddInitializer($"{name}.clip_max", Tensor.Scalar(quantizer.Maximum))], $"{name}.clipped"), ElementType.Float, source.Shape);
        return Typed(graph.Emit("QuantizeLinear", [source, Scale(quantizer, name), ZeroPoint(quantizer, name)], $"{name}.quantized"), ElementType.UInt8, source.Shape);
    }

    public Value Dequantize(Value codes, AffineQuantizer quantizer, string name) =>
        Typed(graph.Emit("DequantizeLinear", [codes, Scale(quantizer, name), ZeroPoint(quantizer, name)], $"{name}.dequantized"), ElementType.Float, codes.Shape);

    Value Scale(AffineQuantizer quantizer, string name) => graph.AddInitializer($"{name}.scale", Tensor.Scalar(quantizer.Scale));

    Value ZeroPoint(AffineQuantizer quantizer, string name) => graph.AddInitializer($"{name}.zero_point", Tensor.Scalar((byte)quantizer.ZeroPoint));

    Value?[] Matrix(WeightCodes weights, float xScale, float[]? bias, string name) =>
    [
        Packed(weights, name), Vector([.. weights.Scales.Select(s => s * xScale)], $"{name}.multiplier"), bias is null ? null : Vector(bias, $"{name}.bias"), ZeroPoints(weights, name),
    ];

    Value Packed(WeightCodes weights, string name)
    {
        byte[] packed = PackedWeights.Pack(weights.Codes, weights.Rows, weights.Columns, weights.Bits);
        return graph.AddInitializer($"{name}.weight_packed", Tensor.OfBytes(ElementType.UInt8, packed, packed.Length));
    }

    Value? ZeroPoints(WeightCodes weights, string name) =>
        weights.ZeroPoints.All(z => z == 0) ? null : graph.AddInitializer($"{name}.weight_zero_point", Tensor.Of(weights.ZeroPoints));

    static string Word(ActivationFunction? activation) => activation switch
    {
        null => "none",
        ActivationFunction.Gelu => "gelu",
        ActivationFunction.GeluTanh => "gelu-tanh",
        ActivationFunction.QuickGelu => "quick-gelu",
        _ => "relu",
    };

    static List<(string, object)> MatrixAttributes(WeightCodes weights, int xZeroPoint) =>
        [("bits", weights.Bits), ("in_features", weights.Columns), ("out_features", weights.Rows), ("x_zero_point", xZeroPoint)];

    static List<(string, object)> CodeAttributes(AffineQuantizer? quantizer) =>
        quantizer is { } q ? [("scale", q.Scale), ("zero_point", q.ZeroPoint), ("low", q.Low), ("high", q.High)] : [];

    Value Vector(float[] values, string name) => graph.AddInitializer(name, Tensor.Of(values));

    static IReadOnlyList<Dimension>? Rows(Value codes, int channels) => codes.Shape is { } shape ? [.. shape.SkipLast(1), channels] : null;

    Value Emit(string op, List<Value?> inputs, string name, IReadOnlyList<Dimension>? shape, ElementType type, IReadOnlyList<(string, object)> attributes)
    {
        while (inputs[^1] is null)
            inputs.RemoveAt(inputs.Count - 1);
        var node = graph.AddNode(op, inputs, [$"{name}.{op}"], LampQDomain.Name, name, attributes);
        return Typed(node.Output, type, shape);
    }

    static Value Typed(Value value, ElementType type, IReadOnlyList<Dimension>? shape)
    {
        (value.Type, value.Shape) = (type, shape);
        return value;
    }
}
