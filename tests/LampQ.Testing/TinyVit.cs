using LampQ.Onnx;

namespace LampQ.Testing;

/// <summary>How LayerNorm is written.</summary>
public enum NormForm
{
    /// <summary>LayerNormalization (opset 17).</summary>
    Op,
    /// <summary>ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add, as exporters write it before opset 17.</summary>
    Decomposed,
}

/// <summary>How GELU is written; the Tanh forms compute the approximation, which is another function (up to about 1e-3).</summary>
public enum GeluForm
{
    /// <summary>(x·(1 + erf(x/√2)))·½, as torch exports it.</summary>
    HalfLast,
    /// <summary>(½·x)·(1 + erf(x·√½)), as TensorFlow exports it.</summary>
    HalfFirst,
    /// <summary>x·(½·(1 + erf(x/√2))), as Hugging Face wrote it by hand.</summary>
    HalfInside,
    /// <summary>½·x·(1 + tanh(√(2/π)·(x + .044715·x³))), every step an op.</summary>
    Tanh,
    /// <summary>Gelu (opset 20).</summary>
    Op,
    /// <summary>Gelu with approximate = "tanh" (opset 20).</summary>
    OpTanh,
}

/// <summary>How queries, keys and values are computed.</summary>
public enum QkvForm
{
    /// <summary>One product, Reshape [B,T,3,H,d], Transpose, three Gather along the first axis (timm).</summary>
    Gather,
    /// <summary>One product, Reshape [B,T,3,H,d], Transpose, Split and Squeeze along the first axis (timm with unbind).</summary>
    SplitSqueeze,
    /// <summary>One product, three Slices of the last axis, then heads.</summary>
    Slice,
    /// <summary>One product, Split of the last axis, then heads.</summary>
    SplitLastAxis,
    /// <summary>One product, Reshape [B,T,H,3,d]: the channels of a head stand together; the same function with permuted weights.</summary>
    HeadsFirst,
    /// <summary>Three products (Hugging Face).</summary>
    Separate,
}

/// <summary>How a linear layer is written.</summary>
public enum LinearForm
{
    /// <summary>MatMul, then Add(product, bias).</summary>
    MatMul,
    /// <summary>MatMul, then Add(bias, product), as torch exports it.</summary>
    MatMulBiasFirst,
    /// <summary>Reshape to rows, Gemm with weight [K,N], Reshape back.</summary>
    Gemm,
    /// <summary>Reshape to rows, Gemm with weight [N,K] and transB, Reshape back.</summary>
    GemmTransposed,
}

/// <summary>Where weights stand.</summary>
public enum WeightForm
{
    /// <summary>Initializers.</summary>
    Initializers,
    /// <summary>Constant nodes.</summary>
    Constants,
    /// <summary>Initializers [N,K] behind a Transpose (a torch export with do_constant_folding=False); Gemm weights stand as they are.</summary>
    Transposed,
}

/// <summary>Where attention's 1/√d stands.</summary>
public enum ScaleForm
{
    /// <summary>Mul by 1/√d behind Q·Kᵀ (timm).</summary>
    MulBehind,
    /// <summary>Div by √d behind Q·Kᵀ (Hugging Face).</summary>
    DivBehind,
    /// <summary>Mul by 1/√d on Q.</summary>
    OnQ,
    /// <summary>Mul by d^(−1/4) on Q and on Kᵀ (torch's scaled_dot_product_attention).</summary>
    OnBoth,
}

/// <summary>What the classifier sees; each of the two meanings is another function.</summary>
public enum PoolForm
{
    /// <summary>The class token, taken by Gather.</summary>
    ClassTokenGather,
    /// <summary>The class token, taken by Slice and Squeeze.</summary>
    ClassTokenSlice,
    /// <summary>The mean over all tokens.</summary>
    Mean,
}

/// <summary>How image patches become tokens.</summary>
public enum PatchForm
{
    /// <summary>A convolution with stride = kernel, Reshape, Transpose.</summary>
    Conv,
    /// <summary>Reshape and Transpose to flattened patches, then a matrix product.</summary>
    MatMul,
}

/// <summary>
/// A Vision Transformer small enough to read, in the spelling of one exporter or another. With the same seed and sizes all spellings compute
/// the same function; <see cref="Gelu"/>'s approximation, <see cref="Pool"/>'s mean, <see cref="Distilled"/> and <see cref="QkvBias"/> change it.
/// </summary>
public sealed record TinyVit
{
    /// <summary>ONNX operator set, 11 to 21; default 17.</summary>
    public int Opset { get; init; } = 17;

    /// <summary>Channels of a token; default 16.</summary>
    public int Dim { get; init; } = 16;

    /// <summary>Attention heads, a divisor of <see cref="Dim"/>; default 2.</summary>
    public int Heads { get; init; } = 2;

    /// <summary>Blocks; default 2.</summary>
    public int Depth { get; init; } = 2;

    /// <summary>Hidden channels of the MLP per channel of a token; default 2.</summary>
    public int MlpRatio { get; init; } = 2;

    /// <summary>Height and width of the image, a multiple of <see cref="Patch"/>; default 8.</summary>
    public int ImageSize { get; init; } = 8;

    /// <summary>Height and width of a patch; default 4.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Channels of the image; default 3.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Classes; default 5.</summary>
    public int Classes { get; init; } = 5;

    /// <summary>Seed of the weights; default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>True computes shapes from the batch by Shape, Gather, Unsqueeze and Concat; false (default) fixes the batch at 1.</summary>
    public bool DynamicBatch { get; init; }

    /// <summary>How LayerNorm is written; default one op from opset 17 on.</summary>
    public NormForm? Norm { get; init; }

    /// <summary>How GELU is written.</summary>
    public GeluForm Gelu { get; init; }

    /// <summary>How queries, keys and values are computed.</summary>
    public QkvForm Qkv { get; init; }

    /// <summary>How linear layers are written.</summary>
    public LinearForm Linear { get; init; }

    /// <summary>Where weights stand.</summary>
    public WeightForm Weights { get; init; }

    /// <summary>Where attention's 1/√d stands.</summary>
    public ScaleForm Scale { get; init; }

    /// <summary>What the classifier sees.</summary>
    public PoolForm Pool { get; init; }

    /// <summary>How image patches become tokens.</summary>
    public PatchForm PatchEmbedding { get; init; }

    /// <summary>True adds a distillation token with its own classifier and averages both, as DeiT's distilled models do; default false.</summary>
    public bool Distilled { get; init; }

    /// <summary>False leaves the bias of q, k and v away; default true.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>False names every node, weight and value by number alone; default true (torch's names).</summary>
    public bool Named { get; init; } = true;

    /// <summary>Name of the input.</summary>
    public const string InputName = "pixel_values";

    /// <summary>Name of the output.</summary>
    public const string OutputName = "logits";

    /// <summary>Tokens, class and distillation tokens included.</summary>
    public int Tokens => ImageSize / Patch * (ImageSize / Patch) + (Distilled ? 2 : 1);

    /// <summary>Channels of one head.</summary>
    public int HeadSize => Dim / Heads;

    /// <summary>Number of quantizable layers: patch embedding, those of each block, and the classifiers.</summary>
    public int LayerCount => 1 + Depth * (Qkv == QkvForm.Separate ? 6 : 4) + (Distilled ? 2 : 1);

    /// <summary>Builds the model.</summary>
    public Model Build() => new Builder(this).Build();

    /// <summary>Images [batch, channels, size, size] with pixels uniform in ±1, the same for the same seed.</summary>
    public Tensor Images(int batch = 1, int seed = 7)
    {
        var random = new Random(seed);
        var pixels = new float[batch * Channels * ImageSize * ImageSize];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = random.NextSingle() * 2 - 1;
        return Tensor.Of(pixels, batch, Channels, ImageSize, ImageSize);
    }

    sealed class Builder(TinyVit options)
    {
        readonly Model model = Model.Create(options.Opset, "tiny-vit");
        readonly Dictionary<string, int> nodeNames = [];
        Value? batch;
        int number;

        Graph Graph => model.Graph;

        public Model Build()
        {
            int grid = options.ImageSize / options.Patch;
            var x = Graph.AddInput(InputName, ElementType.Float, options.DynamicBatch ? "batch" : 1, options.Channels, options.ImageSize, options.ImageSize);
            x = PatchEmbed(x, grid);
            batch = options.DynamicBatch ? Unsqueeze(Emit("Gather", "", [Emit("Shape", "", [x]), Scalar(0L)], ("axis", 0L)), 0) : null;

            var tokens = new List<Value?> { Expand(Weight("cls_token", options.Dim, .5f, 1, 1, options.Dim)) };
            if (options.Distilled)
                tokens.Add(Expand(Weight("dist_token", options.Dim, .5f, 1, 1, options.Dim)));
            tokens.Add(x);
            x = Emit("Concat", "", tokens, ("axis", 1L));
            x = Emit("Add", "", [x, Weight("pos_embed", options.Tokens * options.Dim, .3f, 1, options.Tokens, options.Dim)]);

            for (int block = 0; block < options.Depth; block++)
            {
                string name = $"blocks.{block}";
                x = Emit("Add", name, [x, Attention(Norm(x, $"{name}.norm1"), $"{name}.attn")]);
                var hidden = Linear(Norm(x, $"{name}.norm2"), $"{name}.mlp.fc1", options.Dim * options.MlpRatio, options.Dim);
                var mlp = Linear(Gelu(hidden, $"{name}.mlp.act"), $"{name}.mlp.fc2", options.Dim, options.Dim * options.MlpRatio);
                x = Emit("Add", name, [x, mlp]);
            }
            x = Norm(x, "norm");

            var logits = Head(Pooled(x, 0), "head");
            if (options.Distilled)
                logits = Emit("Div", "", [Emit("Add", "", [logits, Head(Pooled(x, 1), "head_dist")]), Scalar(2f)]);
            Graph.Rename(logits, OutputName);
            (logits.Type, logits.Shape) = (ElementType.Float, [options.DynamicBatch ? "batch" : 1, options.Classes]);
            Graph.AddOutput(logits);
            Graph.Sort();
            return model;
        }

        Value PatchEmbed(Value image, int grid)
        {
            int patch = options.Patch, channels = options.Channels, dim = options.Dim, inputs = channels * patch * patch;
            long rows = options.DynamicBatch ? -1 : 1;
            if (options.PatchEmbedding == PatchForm.Conv)
            {
                var weight = Constant("patch_embed.proj.weight", Tensor.Of(Draw("patch_embed.proj.weight", dim * inputs, Spread(inputs)), dim, channels, patch, patch));
                var conv = Emit("Conv", "patch_embed/proj", [image, weight, Weight("patch_embed.proj.bias", dim, .1f, dim)],
                    ("kernel_shape", new long[] { patch, patch }), ("strides", new long[] { patch, patch }));
                return Transpose(Reshape(conv, rows, dim, grid * grid), 0, 2, 1);
            }
            var x = Reshape(image, rows, channels, grid, patch, grid, patch);
            x = Reshape(Transpose(x, 0, 2, 4, 1, 3, 5), rows, grid * grid, inputs);
            return Linear(x, "patch_embed.proj", dim, inputs);
        }

        // The chain that torch writes for cls_token.expand(batch, -1, -1).
        Value Expand(Value token)
        {
            if (batch is null)
                return token;
            var sizes = Emit("Concat", "", [batch, Vector(-1), Vector(-1)], ("axis", 0L));
            var ones = Emit("ConstantOfShape", "", [Emit("Shape", "", [sizes])], ("value", Tensor.Of([1L])));
            var keeps = Emit("Equal", "", [sizes, Emit("Mul", "", [ones, Scalar(-1L)])]);
            return Emit("Expand", "", [token, Emit("Where", "", [keeps, ones, sizes])]);
        }

        Value Attention(Value x, string name)
        {
            int heads = options.Heads, size = options.HeadSize, tokens = options.Tokens, dim = options.Dim;
            Value q, k, v;
            switch (options.Qkv)
            {
                case QkvForm.Gather or QkvForm.SplitSqueeze or QkvForm.HeadsFirst:
                    bool headsFirst = options.Qkv == QkvForm.HeadsFirst;
                    var fused = Linear(x, $"{name}.qkv", 3 * dim, dim, options.QkvBias);
                    fused = headsFirst ? Transpose(ReshapeTokens(fused, tokens, heads, 3, size), 3, 0, 2, 1, 4) : Transpose(ReshapeTokens(fused, tokens, 3, heads, size), 2, 0, 3, 1, 4);
                    if (options.Qkv == QkvForm.SplitSqueeze)
                    {
                        var parts = Split(fused, 0, 1);
                        (q, k, v) = (Squeeze(parts[0], 0), Squeeze(parts[1], 0), Squeeze(parts[2], 0));
                    }
                    else
                        (q, k, v) = (Pick(fused, 0, 0), Pick(fused, 1, 0), Pick(fused, 2, 0));
                    k = Transpose(k, 0, 1, 3, 2);
                    break;
                default:
                    Value[] flat = options.Qkv switch
                    {
                        QkvForm.Separate => [Part("query", 0), Part("key", 1), Part("value", 2)],
                        QkvForm.Slice => SliceThirds(Linear(x, $"{name}.qkv", 3 * dim, dim, options.QkvBias)),
                        _ => Split(Linear(x, $"{name}.qkv", 3 * dim, dim, options.QkvBias), 2, dim),
                    };
                    var shaped = Array.ConvertAll(flat, f => ReshapeTokens(f, tokens, heads, size));
                    (q, k, v) = (Transpose(shaped[0], 0, 2, 1, 3), Transpose(shaped[1], 0, 2, 3, 1), Transpose(shaped[2], 0, 2, 1, 3));
                    break;
            }

            float scale = 1 / MathF.Sqrt(size);
            if (options.Scale == ScaleForm.OnBoth)
                k = Emit("Mul", name, [k, Scalar(MathF.Sqrt(scale))]);
            if (options.Scale is ScaleForm.OnQ or ScaleForm.OnBoth)
                q = Emit("Mul", name, [q, Scalar(options.Scale == ScaleForm.OnQ ? scale : MathF.Sqrt(scale))]);
            var scores = Emit("MatMul", name, [q, k]);
            if (options.Scale == ScaleForm.MulBehind)
                scores = Emit("Mul", name, [scores, Scalar(scale)]);
            if (options.Scale == ScaleForm.DivBehind)
                scores = Emit("Div", name, [scores, Scalar(MathF.Sqrt(size))]);
            var context = Emit("MatMul", name, [Emit("Softmax", name, [scores], ("axis", options.Opset < 13 ? 3L : -1L)), v]);
            return Linear(ReshapeTokens(Transpose(context, 0, 2, 1, 3), tokens, dim), $"{name}.proj", dim, dim);

            Value Part(string part, int third) => Linear(x, $"{name}.{part}", dim, dim, options.QkvBias, third, $"{name}.qkv");
        }

        Value[] SliceThirds(Value fused) => [.. Enumerable.Range(0, 3).Select(i =>
            Emit("Slice", "", [fused, Vector(i * options.Dim), Vector(i == 2 ? long.MaxValue : (i + 1) * options.Dim), Vector(2), Vector(1)]))];

        Value Norm(Value x, string name)
        {
            var gamma = Constant($"{name}.weight", Tensor.Of(Array.ConvertAll(Draw($"{name}.weight", options.Dim, .3f), g => 1 + g)));
            var beta = Weight($"{name}.bias", options.Dim, .2f, options.Dim);
            if ((options.Norm ?? (options.Opset >= 17 ? NormForm.Op : NormForm.Decomposed)) == NormForm.Op)
                return Emit("LayerNormalization", name, [x, gamma, beta], ("axis", -1L), ("epsilon", 1e-6f));
            var centred = Emit("Sub", name, [x, Mean(x)]);
            var variance = Mean(Emit("Pow", name, [centred, Scalar(2f)]));
            var normal = Emit("Div", name, [centred, Emit("Sqrt", name, [Emit("Add", name, [variance, Scalar(1e-6f)])])]);
            return Emit("Add", name, [Emit("Mul", name, [normal, gamma]), beta]);

            Value Mean(Value of) => ReduceMean(of, -1, keepDims: true);
        }

        Value Gelu(Value x, string name)
        {
            switch (options.Gelu)
            {
                case GeluForm.Op: return Emit("Gelu", name, [x]);
                case GeluForm.OpTanh: return Emit("Gelu", name, [x], ("approximate", "tanh"));
                case GeluForm.Tanh:
                    var cubic = Emit("Mul", name, [Emit("Pow", name, [x, Scalar(3f)]), Scalar(.044715f)]);
                    var inner = Emit("Mul", name, [Emit("Add", name, [x, cubic]), Scalar(MathF.Sqrt(2 / MathF.PI))]);
                    return Emit("Mul", name, [Emit("Mul", name, [Scalar(.5f), x]), Emit("Add", name, [Scalar(1f), Emit("Tanh", name, [inner])])]);
                default:
                    var scaled = options.Gelu == GeluForm.HalfFirst ? Emit("Mul", name, [x, Scalar(MathF.Sqrt(.5f))]) : Emit("Div", name, [x, Scalar(MathF.Sqrt(2))]);
                    var erf = Emit("Erf", name, [scaled]);
                    return options.Gelu switch
                    {
                        GeluForm.HalfFirst => Emit("Mul", name, [Emit("Mul", name, [Scalar(.5f), x]), Emit("Add", name, [Scalar(1f), erf])]),
                        GeluForm.HalfInside => Emit("Mul", name, [x, Emit("Mul", name, [Emit("Add", name, [erf, Scalar(1f)]), Scalar(.5f)])]),
                        _ => Emit("Mul", name, [Emit("Mul", name, [x, Emit("Add", name, [erf, Scalar(1f)])]), Scalar(.5f)]),
                    };
            }
        }

        Value Pooled(Value x, int token) => options.Pool switch
        {
            PoolForm.Mean => ReduceMean(x, 1, keepDims: false),
            PoolForm.ClassTokenGather => Pick(x, token, 1),
            _ => Squeeze(Emit("Slice", "", [x, Vector(token), Vector(token + 1), Vector(1), Vector(1)]), 1),
        };

        // On rank 2 torch writes Gemm with transB, whatever it writes elsewhere; others stay with MatMul.
        Value Head(Value x, string name) => options.Linear == LinearForm.MatMul
            ? Linear(x, name, options.Classes, options.Dim)
            : Gemm(x, name, options.Classes, options.Dim, Rows(name, options.Classes, options.Dim), BiasOf(name, options.Classes), transposed: options.Linear != LinearForm.Gemm);

        Value Linear(Value x, string name, int outputs, int inputs, bool hasBias = true, int part = 0, string? partOf = null)
        {
            // A part of a fused layer takes its rows, so that both forms compute the same.
            int all = partOf is null ? outputs : 3 * outputs;
            var rows = Rows(partOf ?? name, all, inputs).AsSpan(part * outputs * inputs, outputs * inputs).ToArray();
            var bias = hasBias ? BiasOf(partOf ?? name, all).AsSpan(part * outputs, outputs).ToArray() : null;
            if (options.Linear is LinearForm.Gemm or LinearForm.GemmTransposed)
            {
                int tokens = name.StartsWith("patch", StringComparison.Ordinal) ? options.Tokens - (options.Distilled ? 2 : 1) : options.Tokens;
                var product = Gemm(Reshape(x, -1, inputs), name, outputs, inputs, rows, bias, options.Linear == LinearForm.GemmTransposed);
                return batch is null ? Reshape(product, options.DynamicBatch ? -1 : 1, tokens, outputs) : ReshapeTokens(product, tokens, outputs);
            }
            var weight = options.Weights == WeightForm.Transposed
                ? Transpose(Constant($"{name}.weight", Tensor.Of(rows, outputs, inputs)), 1, 0)
                : Constant($"{name}.weight", Tensor.Of(TransposeOf(rows, outputs, inputs), inputs, outputs));
            var y = Emit("MatMul", name.Replace('.', '/'), [x, weight]);
            if (bias is null)
                return y;
            var b = Constant($"{name}.bias", Tensor.Of(bias));
            return Emit("Add", name.Replace('.', '/'), options.Linear == LinearForm.MatMulBiasFirst ? [b, y] : [y, b]);
        }

        Value Gemm(Value x, string name, int outputs, int inputs, float[] rows, float[]? bias, bool transposed)
        {
            var weight = transposed ? Constant($"{name}.weight", Tensor.Of(rows, outputs, inputs)) : Constant($"{name}.weight", Tensor.Of(TransposeOf(rows, outputs, inputs), inputs, outputs));
            return Emit("Gemm", name.Replace('.', '/'), bias is null ? [x, weight] : [x, weight, Constant($"{name}.bias", Tensor.Of(bias))], ("transB", transposed ? 1L : 0L));
        }

        // Row-major [outputs, inputs]; for HeadsFirst the rows of [3, H, d] stand in the order [H, 3, d].
        float[] Rows(string name, int outputs, int inputs) =>
            PermuteHeads(name, Draw($"{name}.weight", outputs * inputs, Spread(inputs)), inputs);

        float[] BiasOf(string name, int outputs) => PermuteHeads(name, Draw($"{name}.bias", outputs, .1f), 1);

        float[] PermuteHeads(string name, float[] values, int rowLength)
        {
            if (options.Qkv != QkvForm.HeadsFirst || !name.EndsWith(".qkv", StringComparison.Ordinal))
                return values;
            int size = options.HeadSize * rowLength;
            var permuted = new float[values.Length];
            for (int part = 0; part < 3; part++)
                for (int head = 0; head < options.Heads; head++)
                    values.AsSpan((part * options.Heads + head) * size, size).CopyTo(permuted.AsSpan((head * 3 + part) * size));
            return permuted;
        }

        static float Spread(int inputs) => 1.5f / MathF.Sqrt(inputs);

        static float[] TransposeOf(float[] rows, int outputs, int inputs)
        {
            var result = new float[rows.Length];
            for (int n = 0; n < outputs; n++)
                for (int k = 0; k < inputs; k++)
                    result[k * outputs + n] = rows[n * inputs + k];
            return result;
        }

        Value Weight(string name, int count, float spread, params ReadOnlySpan<long> shape) => Constant(name, Tensor.Of(Draw(name, count, spread), shape));

        // Numbers depend on seed and name alone, so that no spelling changes them (string.GetHashCode differs from run to run).
        float[] Draw(string name, int count, float spread)
        {
            uint hash = 2166136261;
            foreach (char c in name)
                hash = (hash ^ c) * 16777619;
            var random = new Random(unchecked((int)hash ^ options.Seed * 7919));
            var values = new float[count];
            for (int i = 0; i < count; i++)
                values[i] = spread * (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2;
            return values;
        }

        Value Constant(string name, Tensor tensor)
        {
            string wish = options.Named ? name : $"c{number++}";
            return options.Weights == WeightForm.Constants ? Graph.AddNode("Constant", [], [wish], attributes: [("value", tensor)]).Output : Graph.AddInitializer(wish, tensor);
        }

        Value Scalar(float value) => Small(Tensor.Scalar(value));

        Value Scalar(long value) => Small(Tensor.Scalar(value));

        Value Vector(params ReadOnlySpan<long> values) => Small(Tensor.Of(values));

        // Exporters write small constants as Constant nodes even where weights are initializers.
        Value Small(Tensor tensor) => Graph.AddNode("Constant", [], [options.Named ? "Constant_output_0" : $"s{number++}"], attributes: [("value", tensor)]).Output;

        Value Emit(string op, string path, IReadOnlyList<Value?> inputs, params IReadOnlyList<(string Name, object Value)> attributes)
        {
            if (!options.Named)
                return Graph.AddNode(op, inputs, [$"v{number++}"], attributes: attributes).Output;
            string name = $"/{(path.Length > 0 ? path.Replace(".attn", "/attn").Replace(".mlp", "/mlp") + "/" : "")}{op}";
            int count = nodeNames[name] = nodeNames.GetValueOrDefault(name, -1) + 1;
            name = count == 0 ? name : $"{name}_{count}";
            var node = Graph.AddNode(op, inputs, [$"{name}_output_0"], name: name, attributes: attributes);
            return node.Output;
        }

        Value Reshape(Value x, params ReadOnlySpan<long> sizes) => Emit("Reshape", "", [x, Vector(sizes)]);

        // [B, sizes...], with B from the input's shape where the batch is dynamic.
        Value ReshapeTokens(Value x, params ReadOnlySpan<long> sizes)
        {
            if (batch is null)
                return Reshape(x, [1, .. sizes]);
            var parts = new List<Value?> { batch };
            foreach (long size in sizes)
                parts.Add(Vector(size));
            return Emit("Reshape", "", [x, Emit("Concat", "", parts, ("axis", 0L))]);
        }

        Value Transpose(Value x, params long[] perm) => Emit("Transpose", "", [x], ("perm", perm));

        Value Pick(Value x, long index, long axis) => Emit("Gather", "", [x, Scalar(index)], ("axis", axis));

        Value Squeeze(Value x, long axis) => options.Opset < 13 ? Emit("Squeeze", "", [x], ("axes", new[] { axis })) : Emit("Squeeze", "", [x, Vector(axis)]);

        Value Unsqueeze(Value x, long axis) => options.Opset < 13 ? Emit("Unsqueeze", "", [x], ("axes", new[] { axis })) : Emit("Unsqueeze", "", [x, Vector(axis)]);

        Value ReduceMean(Value x, long axis, bool keepDims) => options.Opset < 18
            ? Emit("ReduceMean", "", [x], ("axes", new[] { axis }), ("keepdims", keepDims))
            : Emit("ReduceMean", "", [x, Vector(axis)], ("keepdims", keepDims));

        Value[] Split(Value x, long axis, long size)
        {
            string[] wishes = [.. Enumerable.Range(0, 3).Select(i => options.Named ? $"/Split_output_{i}" : $"v{number++}")];
            var node = options.Opset < 13
                ? Graph.AddNode("Split", [x], wishes, attributes: [("axis", axis), ("split", new[] { size, size, size })])
                : Graph.AddNode("Split", [x, Vector(size, size, size)], wishes, attributes: [("axis", axis)]);
            return [.. node.Outputs.Select(o => o!)];
        }
    }
}
