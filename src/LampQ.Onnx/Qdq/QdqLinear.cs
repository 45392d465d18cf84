namespace LampQ.Onnx;

/// <summary>
/// The pattern of a quantized linear layer: quantized activation → MatMul ← DequantizeLinear ← integer weights, one scale an output channel,
/// bias in float; or, where the weight stands on the right of a 2-D input, Gemm with the bias in int32 at scale sₓ·s_w, because ONNX Runtime runs a 2-D MatMul + Add in float.
/// </summary>
/// <remarks>
/// Behind other than uniform codes the weights are Cast and multiplied by their scales instead: ONNX Runtime 1.30 would turn a DequantizeLinear in front of a float product
/// into MatMulNBits, which quantizes the input a second time, by itself. It folds Cast and Mul at load and multiplies floats.
/// </remarks>
public static class QdqLinear
{
    /// <summary>Replaces the layer by its quantized form.</summary>
    /// <param name="activations">Writer of quantized activations of the same graph.</param>
    /// <param name="layer">A MatMul or Gemm of the graph.</param>
    /// <param name="weights">Integers and scales, W as [N, K].</param>
    /// <param name="input">Quantizer of the input.</param>
    /// <param name="container">Type of the stored weights.</param>
    /// <param name="bias">[N], or null when the layer has none.</param>
    /// <param name="isFlat">True when the input is known to be 2-D.</param>
    public static void Write(QdqActivation activations, QuantizableLayer layer, QuantizedWeights weights, ActivationQuantizer input, WeightContainer container,
        float[]? bias, bool isFlat)
    {
        var node = layer.Node;
        var graph = node.Graph;
        var x = activations.Write(layer.Input, input, $"{layer.Name}.input");
        var affine = input as AffineQuantizer;
        Value Weights(bool rowPerOutput) => affine is null ? WriteFoldedWeights(graph, layer.Name, weights, container, rowPerOutput) : WriteWeights(graph, layer.Name, weights, container, rowPerOutput);
        if ((!isFlat || layer.WeightIndex == 0) && node.Is("MatMul"))
        {
            node.SetInput(layer.WeightIndex, Weights(layer.IsRowPerOutput));
            node.SetInput(1 - layer.WeightIndex, x);
            if (bias is not null && layer.BiasAdd is { } add && layer.Output.Shape is { Count: >= 3 } shape && shape.All(d => d.Size is not null))
                add.SetInput(add.Input(0) == node.Output ? 1 : 0, graph.AddInitializer($"{layer.Name}.bias", UnfusedBias(bias)));
            return;
        }
        bool hasIntegerBias = bias is not null && affine is not null && container.TypeFor(weights.Bits) != ElementType.Int4;
        if (hasIntegerBias)
            weights = FitToBias(weights, bias!, affine!.Scale);
        List<Value?> inputs = [x, Weights(rowPerOutput: false)];
        if (bias is not null)
            inputs.Add(hasIntegerBias ? WriteBias(graph, layer.Name, bias, weights.Scales, affine!.Scale) : graph.AddInitializer($"{layer.Name}.bias", Tensor.Of(bias)));
        var old = layer.Output;
        var product = graph.Emit("Gemm", inputs, $"{layer.Name}.product");
        (product.Type, product.Shape) = (old.Type, old.Shape);
        Take(graph, old, product, layer);
    }

    /// <summary>A bias [1, 1, N] for a product of rank 3 or more.</summary>
    /// <remarks>Where all sizes are known, ONNX Runtime turns MatMul + Add of a bias [N] into a float Gemm over rows before it looks for integer kernels;
    /// a bias of rank 3 does not fit a Gemm.</remarks>
    internal static Tensor UnfusedBias(float[] bias) => Tensor.Of(bias, 1, 1, bias.Length);

    /// <summary>Stores integer weights and writes their DequantizeLinear.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Prefix of the new names.</param>
    /// <param name="weights">Integers and scales, [N, K].</param>
    /// <param name="container">Type of the stored weights.</param>
    /// <param name="rowPerOutput">True stores [N, K] with scales along axis 0, false [K, N] with scales along axis 1.</param>
    public static Value WriteWeights(Graph graph, string name, QuantizedWeights weights, WeightContainer container, bool rowPerOutput)
    {
        var type = container.TypeFor(weights.Bits);
        var quantized = StoreWeights(graph, name, weights, type, rowPerOutput);
        var scale = graph.AddInitializer($"{name}.weight_scale", Tensor.Of(weights.Scales));
        // ONNX Runtime's QGemm is chosen only where the zero points are written out, zeros as they are.
        var zeroPoint = graph.AddInitializer($"{name}.weight_zero_point", Store(weights.ZeroPoints ?? new sbyte[weights.Rows], type, weights.Rows));
        var dequantized = graph.Emit("DequantizeLinear", [quantized, scale, zeroPoint], $"{name}.weight", ("axis", rowPerOutput ? 0L : 1L));
        (dequantized.Type, dequantized.Shape) = (ElementType.Float, quantized.Shape);
        return dequantized;
    }

    /// <summary>Stores integer weights and writes Cast → Mul by the scales, with a Sub of zero points between them where there are any, which ONNX Runtime folds at load; parameters as in <see cref="WriteWeights"/>.</summary>
    internal static Value WriteFoldedWeights(Graph graph, string name, QuantizedWeights weights, WeightContainer container, bool rowPerOutput)
    {
        // No integer kernel reads them: 8 bits need no uint8 here.
        var type = container.TypeFor(weights.Bits) == ElementType.Int4 ? ElementType.Int4 : ElementType.Int8;
        var quantized = StoreWeights(graph, name, weights, type, rowPerOutput);
        var integers = graph.Emit("Cast", [quantized], $"{name}.weight_integers", ("to", (long)ElementType.Float));
        Value Vector(string part, float[] values) => graph.AddInitializer($"{name}.weight_{part}", rowPerOutput ? Tensor.Of(values, weights.Rows, 1) : Tensor.Of(values));
        var steps = weights.ZeroPoints is { } zeroPoints ? graph.Emit("Sub", [integers, Vector("zero_point", Array.ConvertAll(zeroPoints, z => (float)z))], $"{name}.weight_steps") : integers;
        var folded = graph.Emit("Mul", [steps, Vector("scale", weights.Scales)], $"{name}.weight");
        foreach (var value in new[] { integers, steps, folded })
            (value.Type, value.Shape) = (ElementType.Float, quantized.Shape);
        return folded;
    }

    static Value StoreWeights(Graph graph, string name, QuantizedWeights weights, ElementType type, bool rowPerOutput)
    {
        int rows = weights.Rows, columns = weights.Columns;
        var codes = weights.Codes;
        if (!rowPerOutput)
        {
            codes = new sbyte[weights.Codes.Length];
            for (int n = 0; n < rows; n++)
                for (int k = 0; k < columns; k++)
                    codes[k * rows + n] = weights.Codes[n * columns + k];
        }
        return graph.AddInitializer($"{name}.weight_quantized", Store(codes, type, rowPerOutput ? [rows, columns] : [columns, rows]));
    }

    /// <summary>Signed codes in their container; uint8 holds code + 128.</summary>
    static Tensor Store(sbyte[] codes, ElementType type, params ReadOnlySpan<long> shape) => type switch
    {
        ElementType.Int4 => Tensor.OfInt4(codes, shape),
        ElementType.UInt8 => Tensor.Of(Array.ConvertAll(codes, c => (byte)(c + 128)), shape),
        _ => Tensor.Of(codes, shape),
    };

    /// <summary>Reads integer weights behind a DequantizeLinear.</summary>
    /// <param name="dequantized">The weight as the node uses it.</param>
    /// <param name="rowPerOutput">True for [N, ...] with scales along axis 0, false for [K, N] with scales along axis 1.</param>
    /// <param name="reason">Why it is none; empty when it is.</param>
    public static WeightCodes? MatchWeights(Value dequantized, bool rowPerOutput, out string reason)
    {
        reason = "The weight is not stored in integers (DequantizeLinear of an initializer).";
        if (dequantized.Producer is not { } node || !node.Is("DequantizeLinear") || node.Input(0)?.Constant is not { Rank: >= 2 } stored)
            return null;
        if (stored.Type is not (ElementType.Int8 or ElementType.UInt8 or ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2))
        {
            reason = $"The weight is stored as {stored.Type}; integers of 2 to 8 bits are expected.";
            return null;
        }
        int outputAxis = rowPerOutput ? 0 : 1;
        int rows = (int)stored.Shape[outputAxis], columns = (int)(stored.Count / Math.Max(1, rows));
        if (node.Input(1)?.Constant is not { Type: ElementType.Float } scale || node.Input(2) is { Constant: null } || node.Int("block_size") != 0
            || !(scale.Count == 1 || scale.Count == rows && scale.Rank == 1 && Wrap(node.Int("axis", 1), stored.Rank) == outputAxis))
        {
            reason = "The weight needs one scale, or one a row of output channels, both constant.";
            return null;
        }
        float[] scales = Spread(scale.ToFloats(), rows);
        if (scales.Any(s => !(s > 0) || !float.IsFinite(s)))
        {
            reason = "A scale of the weight is not a positive number.";
            return null;
        }
        long[] integers = ByRows(stored.ToIntegers(), rows, columns, rowPerOutput);
        reason = "";
        return WeightCodes.Of(stored.Type, integers, rows, columns, scales, node.Input(2)?.Constant is { } zero ? Spread(zero.ToIntegers(), rows) : new long[rows]);

        static long Wrap(long axis, int rank) => axis < 0 ? axis + rank : axis;

        static T[] Spread<T>(T[] values, int count) => values.Length == count ? values : [.. Enumerable.Repeat(values[0], count)];
    }

    /// <summary>Reads integer weights that are written as Cast → Sub of zero points, if any → Mul by their scales (<see cref="WriteFoldedWeights"/>); null for anything else.</summary>
    /// <param name="folded">The weight as the node uses it.</param>
    /// <param name="rowPerOutput">True for [N, K] with scales [N, 1], false for [K, N] with scales [N].</param>
    public static WeightCodes? MatchFoldedWeights(Value folded, bool rowPerOutput)
    {
        if (CodedActivation.FoldedWeight(folded)?.Constant is not { Rank: 2, Type: ElementType.Int8 or ElementType.Int4 } stored || folded.Producer!.Input(1)!.Constant is not { Type: ElementType.Float } scale)
            return null;
        int rows = (int)stored.Shape[rowPerOutput ? 0 : 1], columns = (int)stored.Shape[rowPerOutput ? 1 : 0];
        var scales = scale.ToFloats();
        float[] zeroPoints = new float[rows];
        if (folded.Producer.Input(0)!.Producer is { } sub && sub.Is("Sub"))
        {
            if (sub.Input(1)!.Constant is not { Type: ElementType.Float } zero || !IsPerRow(zero) || zero.ToFloats() is var values && values.Any(z => z != MathF.Round(z) || MathF.Abs(z) > 128))
                return null;
            zeroPoints = values;
        }
        return IsPerRow(scale) && scales.All(s => s > 0 && float.IsFinite(s))
            ? WeightCodes.Of(stored.Type, ByRows(stored.ToIntegers(), rows, columns, rowPerOutput), rows, columns, scales, [.. zeroPoints.Select(z => (long)z)]) : null;

        bool IsPerRow(Tensor tensor) => rowPerOutput ? tensor.Rank == 2 && tensor.Shape[0] == rows && tensor.Shape[1] == 1 : tensor.Count == rows && tensor.Shape[^1] == rows;
    }

    /// <summary>[N, K] of [N, K] or [K, N].</summary>
    static long[] ByRows(long[] integers, int rows, int columns, bool rowPerOutput)
    {
        if (rowPerOutput)
            return integers;
        var turned = new long[integers.Length];
        for (int k = 0; k < columns; k++)
            for (int n = 0; n < rows; n++)
                turned[n * columns + k] = integers[k * rows + n];
        return turned;
    }

    /// <summary>A bias [N] in float or as int32 behind a DequantizeLinear; null for anything else.</summary>
    public static float[]? MatchBias(Value bias, int channels)
    {
        if (bias.Constant is { Type: ElementType.Float } own)
            return own.Count == channels ? own.ToFloats() : null;
        if (bias.Producer is not { } node || !node.Is("DequantizeLinear") || node.Input(0)?.Constant is not { } stored || stored.Count != channels
            || !stored.Type.IsInteger() || node.Input(1)?.Constant is not { Type: ElementType.Float } scale || node.Input(2) is { Constant: null })
            return null;
        var scales = scale.ToFloats();
        long[] codes = stored.ToIntegers(), zeroPoints = node.Input(2)?.Constant?.ToIntegers() ?? [0];
        if (scales.Length != 1 && scales.Length != channels || zeroPoints.Length != 1 && zeroPoints.Length != channels)
            return null;
        return [.. codes.Select((c, n) => (c - zeroPoints[n % zeroPoints.Length]) * scales[n % scales.Length])];
    }

    /// <summary>The same weights with scales at which an int32 at scale sₓ·s_w holds the bias: |b| ≤ 2³⁰·sₓ·s_w leaves as much room again for the products.</summary>
    /// <remarks>
    /// A row of zeros has any scale; with the usual 1, a bias below sₓ/2 would be rounded away, so it takes the smallest. Where decayed weights have a smaller one, they are
    /// rounded again: that changes a product by at most K·255·sₓ·s_w/2, which beside |b| is K·1.2e-7, the rounding of a float sum.
    /// </remarks>
    static QuantizedWeights FitToBias(QuantizedWeights weights, float[] bias, float inputScale)
    {
        const double Room = 1 << 30, Negligible = 1e-30;
        sbyte[] codes = [.. weights.Codes];
        float[] scales = [.. weights.Scales];
        for (int n = 0; n < bias.Length; n++)
        {
            float least = (float)(Math.Abs(bias[n]) / (Room * inputScale));
            var row = codes.AsSpan(n * weights.Columns, weights.Columns);
            sbyte zero = weights.ZeroPoints?[n] ?? 0;
            if (least < Negligible || scales[n] >= least && row.ContainsAnyExcept(zero))
                continue;
            foreach (ref sbyte code in row)
                code = (sbyte)(zero + Math.Round((code - zero) * ((double)scales[n] / least)));
            scales[n] = least;
        }
        return weights with { Codes = codes, Scales = scales };
    }

    static Value WriteBias(Graph graph, string name, float[] bias, float[] weightScales, float inputScale)
    {
        var scales = new float[bias.Length];
        var codes = new int[bias.Length];
        for (int n = 0; n < bias.Length; n++)
        {
            scales[n] = inputScale * weightScales[n];
            codes[n] = (int)Math.Clamp(Math.Round(bias[n] / (double)scales[n]), int.MinValue, int.MaxValue);
        }
        var scale = graph.AddInitializer($"{name}.bias_scale", Tensor.Of(scales));
        var quantized = graph.AddInitializer($"{name}.bias_quantized", Tensor.Of(codes));
        var zeroPoint = graph.AddInitializer($"{name}.bias_zero_point", Tensor.Of(new int[bias.Length]));
        var value = graph.Emit("DequantizeLinear", [quantized, scale, zeroPoint], $"{name}.bias", ("axis", 0L));
        (value.Type, value.Shape) = (ElementType.Float, [bias.Length]);
        return value;
    }

    /// <summary>Lets a new value stand where an old one stood, as graph output too, and under its name there.</summary>
    internal static void Take(Graph graph, Value old, Value replacement, QuantizableLayer layer)
    {
        graph.ReplaceUses(old, replacement);
        if (!old.IsGraphOutput)
            return;
        string name = old.Name;
        graph.Rename(old, graph.NewName($"{layer.Name}.float"));
        graph.Rename(replacement, name);
        graph.ReplaceOutput(old, replacement);
    }
}
