using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>The nodes Attention and AttentionQuantize inside ONNX Runtime, against attention in double precision.</summary>
[TestClass]
public sealed class AttentionOperatorTests
{
    const int Heads = 2, HeadSize = 5, QZero = 120, KZero = 130, VZero = 125;
    const float ScoreScale = .0004f, VScale = .02f, OutputScale = .015f;
    static readonly Fed qkv = new("qkv", ElementType.UInt8, 3);
    static readonly Fed bias = new("bias", ElementType.Float, 4);

    [TestMethod]
    [DataRow(1, 1, 1)]
    [DataRow(1, 2, 1)]
    [DataRow(2, 17, 1)]
    [DataRow(3, 40, 2)]
    public void Attention_OneFusedTensor_IsAttention(int batch, int tokens, int threads)
    {
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv], Attributes(), threads);
        var codes = Codes(batch, tokens, 3 * Heads * HeadSize);
        var y = node.Run(("qkv", codes));
        CollectionAssert.AreEqual(new long[] { batch, tokens, Heads * HeadSize }, y.Shape.ToArray());
        AssertClose(Exact(codes, 0, codes, 10, codes, 20, null, 1), y.ToFloats(), tokens);
    }

    [TestMethod]
    public void Attention_SeparateTensorsAndFewerQueries_ReadsEachFromItsPlace()
    {
        Fed q = new("q", ElementType.UInt8, 3), k = new("k", ElementType.UInt8, 3), v = new("v", ElementType.UInt8, 3);
        using var node = OneNode.Open("Attention", [q, k, v], Attributes(("q_offset", 1), ("k_offset", 2), ("v_offset", 0)));
        Tensor a = Codes(2, 3, 11), b = Codes(2, 19, 12), c = Codes(2, 19, 10);
        var y = node.Run(("q", a), ("k", b), ("v", c));
        CollectionAssert.AreEqual(new long[] { 2, 3, 10 }, y.Shape.ToArray());
        AssertClose(Exact(a, 1, b, 2, c, 0, null, 1), y.ToFloats(), 19);
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(2, 1)]
    [DataRow(1, 2)]
    [DataRow(2, 2)]
    public void Attention_BiasByWindowAndHead_IsAddedToTheScores(int windows, int heads)
    {
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv, bias], Attributes());
        var codes = Codes(4, 9, 30);
        var random = new Random(5);
        var values = Tensor.Of([.. Enumerable.Range(0, windows * heads * 81).Select(_ => 4 * random.NextSingle() - 2)], windows, heads, 9, 9);
        AssertClose(Exact(codes, 0, codes, 10, codes, 20, values.ToFloats(), heads), node.Run(("qkv", codes), ("bias", values)).ToFloats(), 9);
    }

    [TestMethod]
    [DataRow("row")]
    [DataRow("tensor")]
    public void Attention_ScoreScaleOfEachHead_ScalesItsOwnScores(string map)
    {
        float[] scales = [ScoreScale / 4, 3 * ScoreScale];
        var changes = map == "row" ? new (string, object?)[] { } : [("map", "tensor"), ("map_scale", 1f / 255), ("map_zero_point", 0)];
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv], Attributes([.. changes, ("score_scale", null), ("score_scales", scales)]));
        var codes = Codes(2, 17, 30);
        AssertClose(Exact(codes, 0, codes, 10, codes, 20, null, 1, scales), node.Run(("qkv", codes)).ToFloats(), 17);
    }

    [TestMethod]
    public void Create_ScoreScalesThatDoNotFitTheHeads_IsRefused()
    {
        foreach (var (scales, reason) in new (float[], string)[] { ([1f], "score_scales"), ([1f, 1f, 1f], "score_scales"), ([1f, 0f], "score_scales[1] is 0"), ([float.NaN, 1f], "score_scales[0] is NaN") })
            StringAssert.Contains(OneNode.Refusal("Attention", [qkv, qkv, qkv], Attributes(("score_scale", null), ("score_scales", scales))), reason);
    }

    [TestMethod]
    [DataRow("row")]
    [DataRow("tensor")]
    public void AttentionQuantize_EitherMap_ReturnsCodesNearAttention(string map)
    {
        var changes = map == "row" ? new (string, object?)[] { } : [("map", "tensor"), ("map_scale", 1f / 255), ("map_zero_point", 0), ("context_scale", VScale / 255)];
        using var node = OneNode.Open("AttentionQuantize", [qkv, qkv, qkv], Attributes([.. changes, ("scale", OutputScale), ("zero_point", 128), ("low", 20), ("high", 200)]));
        var codes = Codes(2, 13, 30);
        byte[] y = node.Run(("qkv", codes)).Bytes.ToArray();
        double[] exact = Exact(codes, 0, codes, 10, codes, 20, null, 1);
        for (int i = 0; i < y.Length; i++)
            Assert.IsTrue(Math.Abs(y[i] - Math.Clamp(exact[i] / OutputScale + 128, 20, 200)) <= .5 + MapError(13) / OutputScale, $"element {i}: code {y[i]}, exact value {exact[i] / OutputScale + 128}");
    }

    [TestMethod]
    [DataRow(0, 5)]
    [DataRow(2, 0)]
    public void Run_ZeroSizedDimensions_ReturnsAnEmptyTensor(int batch, int tokens)
    {
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv], Attributes());
        CollectionAssert.AreEqual(new long[] { batch, tokens, 10 }, node.Run(("qkv", Codes(batch, tokens, 30))).Shape.ToArray());
    }

    [TestMethod]
    public void Run_OtherShapes_IsRefusedWithTheReasonAndTheSessionStaysUsable()
    {
        Fed q = new("q", ElementType.UInt8, 3), k = new("k", ElementType.UInt8, 3), v = new("v", ElementType.UInt8, 3);
        using var node = OneNode.Open("Attention", [q, k, v, bias], Attributes(("q_offset", 0), ("k_offset", 0), ("v_offset", 0)));
        var fine = Tensor.Of(new float[6], 1, 1, 2, 3);
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(2, 3, 10)), ("v", Codes(1, 3, 10)), ("bias", fine)), "do not have one batch");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 4, 10)), ("bias", fine)), "do not have one batch, or k and v not one number of tokens");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 9)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 3, 10)), ("bias", fine)), "q has 9 columns");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 3, 0)), ("bias", fine)), "v has 0 columns");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(1, 0, 10)), ("v", Codes(1, 0, 10)), ("bias", Tensor.Of(default(ReadOnlySpan<float>), 1, 1, 2, 0))), "There are 0 tokens");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 3, 10)), ("bias", Tensor.Of(new float[6], 1, 1, 3, 2))), "[windows, heads, 2, 3] is expected");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 3, 10)), ("bias", Tensor.Of(new float[18], 1, 3, 2, 3))), "1 or 2 heads are expected");
        StringAssert.Contains(node.Failure(("q", Codes(1, 2, 10)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 3, 10)), ("bias", Tensor.Of(default(ReadOnlySpan<float>), 0, 1, 2, 3))), "1 or more windows");
        CollectionAssert.AreEqual(new long[] { 1, 2, 10 }, node.Run(("q", Codes(1, 2, 10)), ("k", Codes(1, 3, 10)), ("v", Codes(1, 3, 10)), ("bias", fine)).Shape.ToArray());
    }

    [TestMethod]
    public void Run_MoreHeadsThanColumns_IsRefusedBeforeTheOutputIsAllocated()
    {
        // The output would have 10⁹ columns a token, 200 GB.
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv], Attributes(("heads", 65_536), ("head_size", 15_259)));
        StringAssert.Contains(node.Failure(("qkv", Codes(1, 50, 30))), "q has 30 columns; 65536 heads of 15259 from column 0 need 1000013824.");
    }

    [TestMethod]
    public void InferShapes_HeadsTimesHeadSize_IsTheLastDimension()
    {
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv], Attributes());
        CollectionAssert.AreEqual(new[] { -1, -1, 10 }, node.OutputMetadata.Dimensions);
        CollectionAssert.AreEqual(new[] { "qkv0", "qkv1", "" }, node.OutputMetadata.SymbolicDimensions);
    }

    [TestMethod]
    [DataRow("row"), DataRow("tensor")]
    public void Run_MapWithATable_IsCloseToTheExactAttention(string map)
    {
        // The levels of 8-bit codes, times 256: two bytes, the lower one 0.
        (string, object?)[] table =
        [
            ("map", map), ("map_bits", null), ("context_scale", VScale / 255 / 256),
            ("map_thresholds", Enumerable.Range(1, 255).Select(i => (i - .5f) / 255).ToArray()), ("map_levels", Enumerable.Range(0, 256).Select(i => 256L * i).ToArray()),
        ];
        using var node = OneNode.Open("Attention", [qkv, qkv, qkv], Attributes(table));
        var x = Codes(2, 7, 30);
        AssertClose(Exact(x, 0, x, 10, x, 20, null, 1), node.Run(("qkv", x)).ToFloats(), 7);
    }

    [TestMethod]
    public void Create_WrongAttributes_IsRefusedNamingThem()
    {
        foreach (var (name, value, reason) in new (string, object?, string)[]
        {
            ("heads", 0, "heads is 0"), ("heads", null, "'heads' is missing"), ("head_size", -1, "head_size is -1"), ("head_size", 1 << 20, "head_size is 1048576"), ("heads", int.MaxValue, "columns"),
            ("q_offset", -1, "q_offset is -1"), ("k_zero_point", 256, "k_zero_point is 256"), ("score_scale", float.NaN, "score_scale is NaN"), ("score_scale", 0f, "score_scale is 0"),
            ("context_scale", float.PositiveInfinity, "context_scale is "), ("map", "column", "map is 'column'"), ("map_bits", 1, "map_bits is 1"), ("map_bits", 9, "map_bits is 9"),
        })
            StringAssert.Contains(OneNode.Refusal("Attention", [qkv, qkv, qkv], Attributes((name, value))), reason);
        StringAssert.Contains(OneNode.Refusal("Attention", [qkv, qkv, qkv], Attributes(("map", "tensor"), ("map_scale", null))), "'map_scale' is missing");
        StringAssert.Contains(OneNode.Refusal("AttentionQuantize", [qkv, qkv, qkv], Attributes(("scale", float.NaN), ("zero_point", 0))), "scale is NaN");
        foreach (var (thresholds, levels, reason) in new (object, object?, string)[]
        {
            (new[] { .5f }, null, "'map_levels' is missing"), (new[] { .5f }, new[] { 1L }, "map_levels has 1 elements"), (new[] { .5f, .1f }, new[] { 0L, 1, 2 }, "map_thresholds[1] is 0.1"),
            (new[] { .5f }, new[] { 5L, 4 }, "map_levels[1] is 4"), (new[] { .5f }, new[] { 0L, 1 << 24 }, "map_levels[1] is 16777216"), (new[] { float.NaN }, new[] { 0L, 1 }, "map_thresholds[0] is NaN"),
            (new[] { .5f }, new[] { 0f, 1 }, "map_levels has 0 elements"),
        })
            StringAssert.Contains(OneNode.Refusal("Attention", [qkv, qkv, qkv], Attributes(("map_thresholds", thresholds), ("map_levels", levels))), reason);
    }

    static Dictionary<string, object> Attributes(params (string Name, object? Value)[] changes)
    {
        var attributes = new Dictionary<string, object>
        {
            ["heads"] = Heads, ["head_size"] = HeadSize, ["q_offset"] = 0, ["k_offset"] = 10, ["v_offset"] = 20, ["q_zero_point"] = QZero, ["k_zero_point"] = KZero, ["v_zero_point"] = VZero,
            ["score_scale"] = ScoreScale, ["map"] = "row", ["map_bits"] = 8, ["context_scale"] = VScale / 255,
        };
        foreach (var (name, value) in changes)
            if (value is null)
                attributes.Remove(name);
            else
                attributes[name] = value;
        return attributes;
    }

    static Tensor Codes(int batch, int tokens, int columns)
    {
        var codes = new byte[batch * tokens * columns];
        new Random(batch + tokens + columns).NextBytes(codes);
        return Tensor.OfBytes(ElementType.UInt8, codes, batch, tokens, columns);
    }

    static double[] Exact(Tensor q, int qAt, Tensor k, int kAt, Tensor v, int vAt, float[]? bias, int biasHeads, float[]? scales = null)
    {
        int batch = (int)q.Shape[0], queries = (int)q.Shape[1], tokens = (int)k.Shape[1];
        int windows = bias is null ? 1 : bias.Length / (biasHeads * queries * tokens);
        var y = new double[batch * queries * Heads * HeadSize];
        for (int b = 0; b < batch; b++)
            for (int h = 0; h < Heads; h++)
                for (int i = 0; i < queries; i++)
                {
                    var e = new double[tokens];
                    for (int t = 0; t < tokens; t++)
                    {
                        double score = 0;
                        for (int c = 0; c < HeadSize; c++)
                            score += (scales?[h] ?? ScoreScale) * (double)(At(q, b, i, qAt + h * HeadSize + c) - QZero) * (At(k, b, t, kAt + h * HeadSize + c) - KZero);
                        e[t] = Math.Exp(score + (bias is null ? 0 : bias[((b % windows * biasHeads + (biasHeads == 1 ? 0 : h)) * queries + i) * tokens + t]));
                    }
                    for (int c = 0; c < HeadSize; c++)
                        y[(b * queries + i) * Heads * HeadSize + h * HeadSize + c] =
                            Enumerable.Range(0, tokens).Sum(t => e[t] * VScale * (At(v, b, t, vAt + h * HeadSize + c) - VZero)) / e.Sum();
                }
        return y;
    }

    static int At(Tensor tensor, int b, int row, int column) => tensor.Bytes.Span[(int)((b * tensor.Shape[1] + row) * tensor.Shape[2]) + column];

    // Every weight of the map is off by half a step of 1/255 at most, relative to the largest (row) or to 1 (tensor), times |v| <= 130·scale.
    static double MapError(int tokens) => tokens * .5 / 255 * 130 * VScale;

    static void AssertClose(double[] exact, float[] found, int tokens)
    {
        double worst = exact.Zip(found, (e, f) => Math.Abs(e - f)).Max();
        Assert.IsTrue(worst <= MapError(tokens), $"{worst} off; {MapError(tokens)} is what the codes of the map allow");
        // The bound is wide; typical errors are far smaller, and a wrong offset or head would not be.
        double typical = exact.Zip(found, (e, f) => Math.Abs(e - f)).Average(), size = exact.Average(Math.Abs);
        Assert.IsTrue(typical < .02 * size, $"{typical} off on average, of values around {size}");
    }
}
