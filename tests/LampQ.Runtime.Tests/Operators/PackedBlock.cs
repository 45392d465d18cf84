using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>
/// A packed model of one transformer block: an image "x" [b, 3, 8, 8] in four patches, LayerNorm, attention of two heads, a residual, and an MLP, to
/// floats "y" [b, 4, 32]. Every operator of ai.lampq that a ViT needs is in it; the weights are random.
/// </summary>
static class PackedBlock
{
    const int D = 32, Heads = 2, Patch = 4, Hidden = 64;

    /// <summary>The model, its linear layers with 8, 4, 3, 6 and 2 bits.</summary>
    /// <param name="seed">Of the weights.</param>
    /// <param name="tables">True for tables in the place of uniform codes of the map, three bytes a level, and behind GELU, two.</param>
    public static Model Build(int seed = 0, bool tables = false)
    {
        var random = new Random(seed);
        var model = Model.Create(17);
        model.Opsets[LampQDomain.Name] = LampQDomain.Version;
        var graph = model.Graph;
        var x = graph.AddInput("x", ElementType.Float, "b", 3, 2 * Patch, 2 * Patch);

        var patches = Node("PatchesQuantize", [x], ("patch_height", Patch), ("patch_width", Patch), ("scale", .02f), ("zero_point", 128));
        var tokens = Linear(patches, 3 * Patch * Patch, D, 8, .02f, null);
        var attended = Node("AttentionQuantize", Qkv(LinearQuantize(LayerNorm(tokens), D, 3 * D, 4, "none", 20)),
            ("heads", Heads), ("head_size", D / Heads), ("q_offset", 0), ("k_offset", D), ("v_offset", 2 * D), ("q_zero_point", 128), ("k_zero_point", 128), ("v_zero_point", 128),
            ("score_scale", .05f * .05f * .25f), ("map", "row"), ("scale", .02f), ("zero_point", 128));
        (string, object)[] map = tables
            ? [("map_thresholds", new[] { .1f, .3f, .5f, .7f, .9f }), ("map_levels", new[] { 0L, 3_000_000, 6_000_000, 9_500_000, 13_000_000, 16_700_000 }), ("context_scale", .05f / (1 << 24))]
            : [("map_bits", 8), ("context_scale", .05f / 255)];
        foreach (var (name, value) in map)
            attended.Producer!.Set(name, value);
        var mixed = Linear(attended, D, D, 3, .02f, tokens);
        var y = tables ? OfLevels(LayerNorm(mixed), mixed) : Linear(LinearQuantize(LayerNorm(mixed), D, Hidden, 6, "gelu", 40), Hidden, D, 2, .025f, mixed);
        graph.Rename(y, "y");
        graph.AddOutput(y);
        return model;

        Value[] Qkv(Value codes) => [codes, codes, codes];

        Value LayerNorm(Value input) => Node("LayerNormQuantize", [input, Floats(D, .5f, 1.5f), Floats(D, -.5f, .5f)], ("epsilon", 1e-6f), ("scale", .03f), ("zero_point", 128));

        Value Linear(Value codes, int K, int N, int bits, float scale, Value? residual) =>
            Node("Linear", [codes, .. Common(K, N, bits, scale), residual], ("bits", bits), ("in_features", K), ("out_features", N), ("x_zero_point", 128));

        Value LinearQuantize(Value codes, int K, int N, int bits, string activation, float inverse) =>
            Node("LinearQuantize", [codes, .. Common(K, N, bits, .03f), Floats(N, inverse, inverse), Initializer(Tensor.Of([.. Enumerable.Repeat((byte)128, N)]))],
                ("bits", bits), ("in_features", K), ("out_features", N), ("x_zero_point", 128), ("activation", activation));

        Value OfLevels(Value codes, Value residual)
        {
            var levels = Node("LinearLevels", [codes, .. Common(D, Hidden, 6, .03f)], ("bits", 6), ("in_features", D), ("out_features", Hidden), ("x_zero_point", 128), ("activation", "gelu"),
                ("thresholds", new[] { -.1f, 0, .2f, .5f, 1, 2 }), ("levels", new[] { 0L, 200, 3_000, 9_000, 20_000, 40_000, 65_000 }));
            var common = Common(Hidden, D, 2, .025f);
            var sum = residual;
            for (int plane = 1; plane >= 0; plane--)
                sum = Node("Linear", [levels, .. common, sum], ("bits", 2), ("in_features", Hidden), ("out_features", D), ("x_zero_point", 3), ("x_columns", 2 * Hidden), ("x_offset", plane * Hidden));
            return sum;
        }

        Value?[] Common(int K, int N, int bits, float scale)
        {
            int half = 1 << (bits - 1);
            float step = scale * 2 / (half * MathF.Sqrt(K));
            return
            [
                Initializer(Tensor.Of(PackedWeights.Pack([.. Enumerable.Range(0, N * K).Select(_ => (sbyte)random.Next(-half, half))], N, K, bits))),
                Floats(N, .5f * step, 1.5f * step), Floats(N, -.2f, .2f), null,
            ];
        }

        Value Floats(int count, float low, float high) => Initializer(Tensor.Of([.. Enumerable.Range(0, count).Select(_ => low + random.NextSingle() * (high - low))]));

        Value Initializer(Tensor tensor) => graph.AddInitializer("c", tensor);

        Value Node(string operation, IReadOnlyList<Value?> inputs, params (string, object)[] attributes)
        {
            var node = graph.AddNode(operation, inputs, [operation], LampQDomain.Name, "", attributes);
            node.Name = node.Output.Name;
            node.Output.Type = operation is "Linear" ? ElementType.Float : ElementType.UInt8;
            return node.Output;
        }
    }

    /// <summary>Random images.</summary>
    public static float[] Images(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count * 3 * 4 * Patch * Patch).Select(_ => 4 * random.NextSingle() - 2)];
    }
}
