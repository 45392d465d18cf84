using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

/// <summary>The quantizer of activations against ONNX Runtime's own QuantizeLinear and DequantizeLinear.</summary>
[TestClass]
public sealed class AffineQuantizerTests
{
    [TestMethod]
    [DataRow(-1f, 3f)]
    [DataRow(0f, 1f)]
    [DataRow(-7f, -2f)]
    [DataRow(2f, 9f)]
    [DataRow(-1e-6f, 1e-6f)]
    [DataRow(-1000f, .1f)]
    public void Apply_AnyValue_EqualsOnnxRuntime(float min, float max)
    {
        var random = new Random(1);
        for (int bits = 2; bits <= 8; bits++)
            foreach (var quantizer in new[] { AffineQuantizer.OfRange(min, max, bits), AffineQuantizer.Centered(Math.Max(Math.Abs(min), Math.Abs(max)), bits) })
            {
                // Inside, far outside, on the borders between two codes, and on the codes.
                float[] values = [.. Enumerable.Range(0, 500).Select(_ => (random.NextSingle() * 3 - 1) * (max - min) + min), 0, -0f, 1e30f, -1e30f,
                    .. Enumerable.Range(quantizer.Low - 2, 260).Select(code => quantizer.Scale * (code + .5f - quantizer.ZeroPoint)),
                    .. Enumerable.Range(quantizer.Low, 1 << bits).Select(code => quantizer.Scale * (code - quantizer.ZeroPoint))];

                var (codes, rounded) = InOnnxRuntime(quantizer, values);

                for (int i = 0; i < values.Length; i++)
                {
                    Assert.AreEqual(rounded[i], quantizer.Apply(values[i]), $"{quantizer}: {values[i]:R}");
                    Assert.IsTrue(codes[i] >= quantizer.Low && codes[i] <= quantizer.High, $"{quantizer}: {values[i]:R} has code {codes[i]}");
                }
            }
    }

    [TestMethod]
    public void Apply_HalfwayBetweenCodes_RoundsToTheEvenStep()
    {
        // Scale 1, zero point 0: 0.5 → 0, 1.5 → 2, 2.5 → 2, as in the ONNX specification of QuantizeLinear.
        var quantizer = new AffineQuantizer(1, 0, 0, 255);
        float[] values = [.5f, 1.5f, 2.5f, 3.5f, 254.5f];
        CollectionAssert.AreEqual(new float[] { 0, 2, 2, 4, 254 }, values.Select(quantizer.Apply).ToArray());
        CollectionAssert.AreEqual(new byte[] { 0, 2, 2, 4, 254 }, InOnnxRuntime(quantizer, values).Codes);
    }

    [TestMethod]
    public void OfRange_AnyRange_RepresentsZeroExactlyAndCoversTheRangeWithinAStep()
    {
        var random = new Random(2);
        for (int i = 0; i < 2000; i++)
        {
            float a = (random.NextSingle() - .5f) * MathF.Pow(10, random.Next(-6, 6)), b = (random.NextSingle() - .5f) * MathF.Pow(10, random.Next(-6, 6));
            int bits = random.Next(2, 9);
            var quantizer = AffineQuantizer.OfRange(Math.Min(a, b), Math.Max(a, b), bits);
            Assert.AreEqual(0f, quantizer.Apply(0), $"{quantizer}");
            Assert.AreEqual(bits, quantizer.Bits);
            Assert.IsTrue(quantizer.ZeroPoint >= quantizer.Low && quantizer.ZeroPoint <= quantizer.High);
            // The zero point is rounded, which moves both ends by half a step at most.
            Assert.IsTrue(quantizer.Minimum <= Math.Min(Math.Min(a, b), 0) + .501f * quantizer.Scale, $"{a} {b}: {quantizer}");
            Assert.IsTrue(quantizer.Maximum >= Math.Max(Math.Max(a, b), 0) - .501f * quantizer.Scale, $"{a} {b}: {quantizer}");
        }
    }

    [TestMethod]
    [DataRow(0f, 0f)]
    [DataRow(1e-30f, 2e-30f)]
    [DataRow(0f, float.PositiveInfinity)]
    public void OfRange_WithoutAUsableWidth_HasStepOne(float min, float max)
    {
        Assert.AreEqual(1f, AffineQuantizer.OfRange(min, max, 8).Scale);
        Assert.AreEqual(0f, AffineQuantizer.OfRange(min, max, 8).Apply(0));
    }

    [TestMethod]
    public void Centered_AnyWidth_HasZeroPoint128AndNeighbouringCodes()
    {
        for (int bits = 2; bits <= 8; bits++)
        {
            var quantizer = AffineQuantizer.Centered(3, bits);
            Assert.AreEqual(128, quantizer.ZeroPoint);
            Assert.AreEqual(bits, quantizer.Bits);
            Assert.AreEqual(-3f, quantizer.Minimum, 1e-6f);
            Assert.AreEqual(3 * (1 - MathF.Pow(2, 1 - bits)), quantizer.Maximum, 1e-6f);
            Assert.IsTrue(quantizer.Low >= 0 && quantizer.High <= 255);
        }
    }

    [TestMethod]
    public void Write_AskedTwiceForTheSame_WritesOnce()
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, 4);
        var activations = new QdqActivation(model.Graph);
        var first = activations.Write(x, AffineQuantizer.OfRange(0, 1, 4), "a");
        Assert.AreSame(first, activations.Write(x, AffineQuantizer.OfRange(0, 1, 4), "b"));
        Assert.AreNotSame(first, activations.Write(x, AffineQuantizer.OfRange(0, 1, 8), "c"));
        Assert.AreEqual(1, model.Graph.Nodes.Count(n => n.Is("Clip")), "Only fewer than 8 bits need a Clip.");
    }

    /// <summary>Codes and values of the written pattern, run as it stands.</summary>
    static (byte[] Codes, float[] Values) InOnnxRuntime(AffineQuantizer quantizer, float[] values)
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, values.Length);
        var y = new QdqActivation(model.Graph).Write(x, quantizer, "x");
        model.Graph.AddOutput(y.Producer!.Input(0)!);
        model.Graph.AddOutput(y);
        using var session = new OnnxSession(model, new() { Optimize = false, Threads = 1 });
        var results = session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(values) });
        return (results[0].As<byte>().ToArray(), results[1].ToFloats());
    }
}
