using LampQ.Onnx;

namespace LampQ.Speed;

/// <summary>How the model of <see cref="VitSpeedModel"/> is written.</summary>
enum Spelling
{
    /// <summary>In float, as torch exports it.</summary>
    Float,

    /// <summary>QDQ of the same weights: one scale a channel, uint8 activations, all products of the blocks in integers, the attention map with one scale; patch embedding and head in float.</summary>
    Qdq,

    /// <summary>The integers of <see cref="Qdq"/> in ONNX Runtime's own fused operators, attention as integer products.</summary>
    Fused,

    /// <summary><see cref="Fused"/>, residual and LayerNorm in one SkipLayerNormalization.</summary>
    FusedSkip,

    /// <summary><see cref="Fused"/>, the projection of Q, K, V and the attention in one QAttention, whose attention is float.</summary>
    FusedAttention,

    /// <summary>Both of the above.</summary>
    FusedAttentionSkip,
}

/// <summary>
/// A Vision Transformer of DeiT's shape with random weights, to measure speed alone. With the same sizes and weight bits all spellings hold the same numbers; the fused ones are the
/// fastest forms that ONNX Runtime's operators allow (com.microsoft: MatMulIntegerToFloat with bias, BiasGelu, SkipLayerNormalization, QAttention).
/// </summary>
sealed class VitSpeedModel
{
    const float NormedScale = .03f, QueryScale = .01f, KeyScale = .02f, ValueScale = .02f, ContextScale = .01f, HiddenScale = .02f;
    readonly Random random = new(1);
    readonly Model model = Model.Create(17, "vit");
    readonly int dim, heads, depth, tokens, weightBits;
    readonly Spelling spelling;
    readonly Graph graph;
    readonly Value queryFactor, zero, headShape, joinedShape;

    VitSpeedModel(int dim, int heads, int depth, int weightBits, Spelling spelling)
    {
        (this.dim, this.heads, this.depth, this.weightBits, this.spelling) = (dim, heads, depth, weightBits, spelling);
        tokens = 14 * 14 + 1;
        graph = model.Graph;
        if (IsFused)
            model.Opsets["com.microsoft"] = 1;
        queryFactor = graph.AddInitializer("query_factor", Tensor.Scalar(1 / MathF.Sqrt((float)dim / heads)));
        zero = graph.AddInitializer("zero", Tensor.Scalar(0L));
        headShape = graph.AddInitializer("head_shape", Tensor.Of([0L, tokens, 3, heads, dim / heads]));
        joinedShape = graph.AddInitializer("joined_shape", Tensor.Of([0L, tokens, dim]));
    }

    bool IsFused => spelling >= Spelling.Fused;

    /// <summary>Builds the model; 12 blocks, MLP ratio 4, 224 x 224 pixels, patches of 16, 1000 classes.</summary>
    /// <param name="dim">Channels of a token: 384 for DeiT-S, 192 for DeiT-Tiny.</param>
    /// <param name="heads">Heads: 6 and 3.</param>
    /// <param name="weightBits">8, or fewer for narrower codes; the float spelling ignores it.</param>
    /// <param name="spelling">How it is written.</param>
    public static Model Build(int dim, int heads, int weightBits, Spelling spelling) => new VitSpeedModel(dim, heads, 12, weightBits, spelling).Build();

    Model Build()
    {
        var pixels = graph.AddInput("pixels", ElementType.Float, "batch", 3, 224, 224);
        var x = Embed(pixels);
        Value? pending = null;
        for (int block = 0; block < depth; block++)
        {
            (x, var normed) = NormOf(x, pending, $"{block}.norm1");
            (x, pending) = AfterBranch(x, AttentionOf(normed, block));
            (x, normed) = NormOf(x, pending, $"{block}.norm2");
            (x, pending) = AfterBranch(x, MlpOf(normed, block));
        }
        (_, var last) = NormOf(x, pending, "norm");
        var token = graph.Emit("Gather", [last, zero], ("axis", 1L));
        var logits = graph.Emit("Gemm", [token, Weights("head", dim, 1000), graph.AddInitializer("head.bias", Tensor.Of(new float[1000]))], "logits");
        (logits.Type, logits.Shape) = (ElementType.Float, ["batch", 1000]);
        graph.AddOutput(logits);
        return model;
    }

    Value Embed(Value pixels)
    {
        var weight = graph.AddInitializer("patch.weight", Tensor.Of(Normal(dim * 3 * 16 * 16), dim, 3, 16, 16));
        var bias = graph.AddInitializer("patch.bias", Tensor.Of(new float[dim]));
        var planes = graph.Emit("Conv", [pixels, weight, bias], ("kernel_shape", new long[] { 16, 16 }), ("strides", new long[] { 16, 16 }));
        var rows = graph.Emit("Reshape", [planes, graph.AddInitializer("rows_shape", Tensor.Of([0L, dim, -1]))]);
        var patches = graph.Emit("Transpose", [rows], ("perm", new long[] { 0, 2, 1 }));
        var batch = graph.Emit("Slice", [graph.Emit("Shape", [patches]), graph.AddInitializer("from", Tensor.Of([0L])), graph.AddInitializer("to", Tensor.Of([1L]))]);
        var shape = graph.Emit("Concat", [batch, graph.AddInitializer("class_shape", Tensor.Of([1L, dim]))], ("axis", 0L));
        var token = graph.Emit("Expand", [graph.AddInitializer("class_token", Tensor.Of(Normal(dim), 1, 1, dim)), shape]);
        var all = graph.Emit("Concat", [token, patches], ("axis", 1L));
        return graph.Emit("Add", [all, graph.AddInitializer("position", Tensor.Of(Normal(tokens * dim), 1, tokens, dim))]);
    }

    /// <summary>LayerNorm of the residual stream; behind a pending branch, SkipLayerNormalization adds it first and returns both.</summary>
    (Value Stream, Value Normed) NormOf(Value stream, Value? branch, string name)
    {
        var gamma = graph.AddInitializer($"{name}.weight", Tensor.Of(Enumerable.Repeat(1f, dim).ToArray()));
        var beta = graph.AddInitializer($"{name}.bias", Tensor.Of(new float[dim]));
        if (branch is null)
            return (stream, graph.Emit("LayerNormalization", [stream, gamma, beta], ("axis", -1L), ("epsilon", 1e-6f)));
        var node = graph.AddNode("SkipLayerNormalization", [stream, branch, gamma, beta], [$"{name}.normed", $"{name}.mean", $"{name}.deviation", $"{name}.sum"], "com.microsoft", name, ("epsilon", 1e-6f));
        return (node.Outputs[3]!, node.Outputs[0]!);
    }

    (Value Stream, Value? Pending) AfterBranch(Value stream, Value branch) =>
        spelling is Spelling.FusedSkip or Spelling.FusedAttentionSkip ? (stream, branch) : (graph.Emit("Add", [stream, branch]), null);

    Value AttentionOf(Value normed, int block)
    {
        var context = spelling is Spelling.FusedAttention or Spelling.FusedAttentionSkip ? QAttention(normed, block) : Attention(Linear(normed, dim, 3 * dim, $"{block}.qkv", NormedScale));
        return Linear(context, dim, dim, $"{block}.proj", ContextScale);
    }

    Value Attention(Value qkv)
    {
        var split = graph.Emit("Transpose", [graph.Emit("Reshape", [qkv, headShape])], ("perm", new long[] { 2, 0, 3, 1, 4 }));
        var q = graph.Emit("Mul", [graph.Emit("Gather", [split, zero], ("axis", 0L)), queryFactor]);
        var k = graph.Emit("Transpose", [graph.Emit("Gather", [split, graph.AddInitializer("one", Tensor.Scalar(1L))], ("axis", 0L))], ("perm", new long[] { 0, 1, 3, 2 }));
        var v = graph.Emit("Gather", [split, graph.AddInitializer("two", Tensor.Scalar(2L))], ("axis", 0L));
        var map = graph.Emit("Softmax", [Product(q, QueryScale, 128, k, KeyScale)], ("axis", -1L));
        var context = graph.Emit("Transpose", [Product(map, 1f / 255, 0, v, ValueScale)], ("perm", new long[] { 0, 2, 1, 3 }));
        return graph.Emit("Reshape", [context, joinedShape]);
    }

    /// <summary>A product of two activations, the second with zero point 128.</summary>
    Value Product(Value a, float scaleA, int zeroPointA, Value b, float scaleB) => spelling switch
    {
        Spelling.Float => graph.Emit("MatMul", [a, b]),
        Spelling.Qdq => graph.Emit("MatMul", [Qdq(a, scaleA, zeroPointA), Qdq(b, scaleB, 128)]),
        _ => Microsoft("MatMulIntegerToFloat", Quantize(a, scaleA, zeroPointA), Quantize(b, scaleB, 128), Scale(scaleA), Scale(scaleB), ZeroPoint(zeroPointA), ZeroPoint(128)),
    };

    Value QAttention(Value normed, int block)
    {
        var (codes, scales, zeroPoints, bias) = Quantized($"{block}.qkv", dim, 3 * dim);
        var node = graph.AddNode("QAttention", [Quantize(normed, NormedScale, 128), codes, bias, Scale(NormedScale), scales, null, ZeroPoint(128), zeroPoints], [$"{block}.context"], "com.microsoft",
            $"{block}.attention", ("num_heads", (long)heads));
        return node.Output;
    }

    Value MlpOf(Value normed, int block)
    {
        Value hidden;
        if (IsFused)
        {
            var product = Linear(normed, dim, 4 * dim, $"{block}.fc1", NormedScale, withBias: false);
            hidden = Microsoft("BiasGelu", product, graph.AddInitializer($"{block}.fc1.bias", Tensor.Of(Normal(4 * dim))));
        }
        else
        {
            var z = Linear(normed, dim, 4 * dim, $"{block}.fc1", NormedScale);
            var erf = graph.Emit("Erf", [graph.Emit("Div", [z, graph.AddInitializer("root2", Tensor.Scalar(MathF.Sqrt(2)))])]);
            var gate = graph.Emit("Add", [erf, graph.AddInitializer("unit", Tensor.Scalar(1f))]);
            hidden = graph.Emit("Mul", [graph.Emit("Mul", [z, gate]), graph.AddInitializer("half", Tensor.Scalar(.5f))]);
        }
        return Linear(hidden, 4 * dim, dim, $"{block}.fc2", HiddenScale);
    }

    Value Linear(Value x, int inputs, int outputs, string name, float scale, bool withBias = true)
    {
        if (IsFused)
        {
            var (codes, scales, zeroPoints, bias) = Quantized(name, inputs, outputs, withBias);
            return Microsoft("MatMulIntegerToFloat", Quantize(x, scale, 128), codes, Scale(scale), scales, ZeroPoint(128), zeroPoints, bias);
        }
        var weight = Weights(name, inputs, outputs);
        var product = spelling == Spelling.Float ? graph.Emit("MatMul", [x, weight]) : graph.Emit("MatMul", [Qdq(x, scale, 128), QdqWeight(name, weight)]);
        return graph.Emit("Add", [product, graph.AddInitializer($"{name}.bias", Tensor.Of(Normal(outputs)))]);
    }

    Value Weights(string name, int inputs, int outputs) => graph.AddInitializer($"{name}.weight", Tensor.Of(Normal(inputs * outputs), inputs, outputs));

    (Value Codes, Value Scales, Value ZeroPoints, Value Bias) Quantized(string name, int inputs, int outputs, bool withBias = true)
    {
        var (codes, scales) = Round(Normal(inputs * outputs), outputs);
        return (graph.AddInitializer($"{name}.codes", Tensor.Of(codes, inputs, outputs)), graph.AddInitializer($"{name}.scales", Tensor.Of(scales)),
            graph.AddInitializer($"{name}.zero_points", Tensor.Of(new sbyte[outputs])), withBias ? graph.AddInitializer($"{name}.bias", Tensor.Of(Normal(outputs))) : null!);
    }

    Value QdqWeight(string name, Value weight)
    {
        var shape = weight.Initializer!.Shape.ToArray();
        var (codes, scales) = Round(weight.Initializer!.ToFloats(), (int)shape[1]);
        return graph.Emit("DequantizeLinear", [graph.AddInitializer($"{name}.codes", Tensor.Of(codes, shape)), graph.AddInitializer($"{name}.scales", Tensor.Of(scales)),
            graph.AddInitializer($"{name}.zero_points", Tensor.Of(new sbyte[scales.Length]))], ("axis", 1L));
    }

    /// <summary>Symmetric rounding of [K, N] with one scale an output channel.</summary>
    (sbyte[] Codes, float[] Scales) Round(float[] weights, int channels)
    {
        int largest = (1 << (weightBits - 1)) - 1;
        var scales = new float[channels];
        for (int i = 0; i < weights.Length; i++)
            scales[i % channels] = Math.Max(scales[i % channels], MathF.Abs(weights[i]) / largest);
        return ([.. weights.Select((w, i) => (sbyte)MathF.Round(w / scales[i % channels]))], scales);
    }

    Value Quantize(Value x, float scale, int zeroPoint) => graph.Emit("QuantizeLinear", [x, Scale(scale), ZeroPoint(zeroPoint)]);

    Value Qdq(Value x, float scale, int zeroPoint)
    {
        var (s, z) = (Scale(scale), ZeroPoint(zeroPoint));
        return graph.Emit("DequantizeLinear", [graph.Emit("QuantizeLinear", [x, s, z]), s, z]);
    }

    Value Microsoft(string op, params Value?[] inputs) => graph.AddNode(op, inputs, [op], "com.microsoft").Output;

    Value Scale(float scale) => graph.AddInitializer("scale", Tensor.Scalar(scale));

    Value ZeroPoint(int zeroPoint) => graph.AddInitializer("zero_point", Tensor.Scalar((byte)zeroPoint));

    float[] Normal(int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = .02f * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }
}
