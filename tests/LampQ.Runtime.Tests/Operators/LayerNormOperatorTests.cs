using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>The nodes LayerNorm and LayerNormQuantize inside ONNX Runtime, against LayerNorm in double precision.</summary>
[TestClass]
public sealed class LayerNormOperatorTests
{
    const int D = 37;
    const float Scale = .031f;
    static readonly Fed x = new("x", ElementType.Float, 3);
    static readonly Tensor gamma = Tensor.Of([.. Enumerable.Range(0, D).Select(i => 1 + .02f * i)]), beta = Tensor.Of([.. Enumerable.Range(0, D).Select(i => .01f * (i - 20))]);

    [TestMethod]
    [DataRow(true, 1)]
    [DataRow(false, 1)]
    [DataRow(true, 2)]
    public void LayerNorm_WithAndWithoutBeta_IsLayerNorm(bool hasBeta, int threads)
    {
        using var node = OneNode.Open("LayerNorm", hasBeta ? [x, gamma, beta] : [x, gamma], new Dictionary<string, object> { ["epsilon"] = 1e-6f }, threads);
        var input = Input(3, 5);
        var y = node.Run(("x", input));
        CollectionAssert.AreEqual(new long[] { 3, 5, D }, y.Shape.ToArray());
        double[] exact = Exact(input, hasBeta);
        float[] floats = y.ToFloats();
        for (int i = 0; i < exact.Length; i++)
            // Sums of 37 terms of size 3 in 24 bits, and a handful of roundings: 1e-5 is 20 times their bound.
            Assert.AreEqual(exact[i], floats[i], 1e-5, $"element {i}");
    }

    [TestMethod]
    [DataRow(0, 255)]
    [DataRow(100, 140)]
    public void LayerNormQuantize_AnyBounds_ReturnsTheNearestCode(int low, int high)
    {
        using var node = OneNode.Open("LayerNormQuantize", [x, gamma, beta], Attributes(("low", low), ("high", high)));
        var input = Input(2, 6);
        byte[] codes = node.Run(("x", input)).Bytes.ToArray();
        double[] exact = Exact(input, hasBeta: true);
        for (int i = 0; i < exact.Length; i++)
        {
            double steps = exact[i] / Scale + 120;
            // Half a step, and the 1e-5 of above in steps.
            Assert.IsTrue(Math.Abs(codes[i] - Math.Clamp(steps, low, high)) <= .5 + 1e-5 / Scale, $"element {i}: code {codes[i]}, exact value {steps}");
        }
    }

    [TestMethod]
    [DataRow(0, 5)]
    [DataRow(2, 0)]
    public void Run_ZeroSizedDimensions_ReturnsAnEmptyTensor(int batch, int tokens)
    {
        using var node = OneNode.Open("LayerNormQuantize", [x, gamma, beta], Attributes());
        CollectionAssert.AreEqual(new long[] { batch, tokens, D }, node.Run(("x", Input(batch, tokens))).Shape.ToArray());
    }

    [TestMethod]
    public void Run_OtherShapes_IsRefusedWithFoundAndExpected()
    {
        using var node = OneNode.Open("LayerNormQuantize", [x, gamma, beta], Attributes());
        StringAssert.Contains(node.Failure(("x", Tensor.Of(new float[38], 1, 1, 38))), "x has shape [1, 1, 38]; [..., 37] is expected.");
        StringAssert.Contains(node.Failure(("x", Tensor.Of(default(ReadOnlySpan<float>), 1, 1, 0))), "x has shape [1, 1, 0]");
    }

    [TestMethod]
    public void Run_ValuesThatAreNotFinite_TouchTheirRowsOnly()
    {
        using var node = OneNode.Open("LayerNormQuantize", [x, gamma, beta], Attributes());
        var clean = Input(1, 3);
        float[] spoiled = clean.ToFloats();
        spoiled[D + 4] = float.NaN;
        byte[] expected = node.Run(("x", clean)).Bytes.ToArray(), found = node.Run(("x", Tensor.Of(spoiled, 1, 3, D))).Bytes.ToArray();
        CollectionAssert.AreEqual(expected[..D], found[..D]);
        CollectionAssert.AreEqual(new byte[D], found[D..(2 * D)]);
        CollectionAssert.AreEqual(expected[(2 * D)..], found[(2 * D)..]);
    }

    [TestMethod]
    public void Create_WrongConstantsOrAttributes_IsRefusedNamingThem()
    {
        foreach (var (name, value, reason) in new (string, object?, string)[]
        {
            ("scale", 0f, "scale is 0"), ("scale", -1f, "scale is -1"), ("scale", float.NaN, "scale is NaN"), ("scale", null, "'scale' is missing"), ("epsilon", null, "'epsilon' is missing"),
            ("epsilon", float.NaN, "epsilon is NaN"), ("zero_point", 256, "zero_point is 256"), ("low", -1, "low -1"), ("high", 300, "high 300"),
        })
            StringAssert.Contains(OneNode.Refusal("LayerNormQuantize", [x, gamma, beta], Attributes((name, value))), reason);
        StringAssert.Contains(OneNode.Refusal("LayerNormQuantize", [x, gamma, Tensor.Of(new float[36])], Attributes()), "beta has 36 elements");
        StringAssert.Contains(OneNode.Refusal("LayerNormQuantize", [x, Tensor.Of(default(ReadOnlySpan<float>), 0), null], Attributes()), "is 0; at least 1");
        StringAssert.Contains(OneNode.Refusal("LayerNormQuantize", [x, new Fed("g", ElementType.Float, 1), beta], Attributes()), "gamma (input 1) is not a constant");
        float[] infinite = gamma.ToFloats();
        infinite[3] = float.PositiveInfinity;
        StringAssert.Contains(OneNode.Refusal("LayerNormQuantize", [x, Tensor.Of(infinite), beta], Attributes()), "gamma[3] is ");
    }

    static Dictionary<string, object> Attributes(params (string Name, object? Value)[] changes)
    {
        var attributes = new Dictionary<string, object> { ["epsilon"] = 1e-6f, ["scale"] = Scale, ["zero_point"] = 120 };
        foreach (var (name, value) in changes)
            if (value is null)
                attributes.Remove(name);
            else
                attributes[name] = value;
        return attributes;
    }

    static Tensor Input(int batch, int tokens)
    {
        var random = new Random(batch + tokens);
        return Tensor.Of([.. Enumerable.Range(0, batch * tokens * D).Select(_ => 6 * random.NextSingle() - 3)], batch, tokens, D);
    }

    static double[] Exact(Tensor input, bool hasBeta)
    {
        float[] values = input.ToFloats(), g = gamma.ToFloats(), b = beta.ToFloats();
        return [.. values.Chunk(D).SelectMany(row =>
        {
            double mean = row.Average(v => (double)v), variance = row.Average(v => (v - mean) * (v - mean));
            return row.Select((v, i) => (v - mean) / Math.Sqrt(variance + 1e-6) * g[i] + (hasBeta ? b[i] : 0));
        })];
    }
}
