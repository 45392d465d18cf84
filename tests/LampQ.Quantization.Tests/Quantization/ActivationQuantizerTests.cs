using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization.Tests;

/// <summary>Every kind of code against its formula in double, and what is written into a graph against both.</summary>
[TestClass]
public sealed class ActivationQuantizerTests
{
    static IReadOnlyDictionary<string, ActivationQuantizer> Quantizers => new Dictionary<string, ActivationQuantizer>
    {
        ["affine, 8 bits"] = AffineQuantizer.OfRange(-0.17f, 3, 8),
        ["affine, 3 bits"] = AffineQuantizer.OfRange(-1, 2, 3),
        ["log2, 4 bits"] = new LogQuantizer(1, 1, 0, 4, ZeroState.LastCode),
        ["base 2^(10/37), 8 bits, all levels"] = new LogQuantizer(1, 10.0 / 37, 0, 8, ZeroState.None),
        ["log-sqrt2, 3 bits, a state more"] = new LogQuantizer(0.9f, 0.5, 0, 3, ZeroState.Extra),
        ["base 2^(20/37), shifted, 4 bits"] = new LogQuantizer(2.5f, 20.0 / 37, 0.17f, 4, ZeroState.LastCode),
        ["twin map, 4 bits"] = TwinMap.Code(0.0625f, 4),
        ["twin map, 2 bits"] = TwinMap.Code(0.25f, 2),
        ["signs, 4 bits"] = SignRegions.Of(0.02f, 0.35f, 4),
    };

    public static IEnumerable<object[]> Names => Quantizers.Keys.Select(n => new object[] { n });

    static float[] Line { get; } = [.. Enumerable.Range(0, 6001).Select(i => -0.2f + i * 0.0007f), 0, 1e-38f, 1e-20f, float.Epsilon];

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Values_AnyQuantizer_AreAsManyAsItsBitsSay(string name)
    {
        var quantizer = Quantizers[name];
        int most = (1 << quantizer.Bits) + (quantizer is LogQuantizer { Zero: ZeroState.Extra } ? 1 : 0);
        int different = quantizer.Values.Distinct().Count();
        Assert.IsTrue(different <= most, $"{different} values in {quantizer.Bits} bits");
        if (quantizer is LogQuantizer or AffineQuantizer)
            Assert.AreEqual(most, different);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Apply_AValueOfTheQuantizer_IsThatValueAndOrderIsKept(string name)
    {
        var quantizer = Quantizers[name];
        foreach (float value in quantizer.Values)
            Assert.AreEqual(value, quantizer.Apply(value), 1e-6f * Math.Abs(value) + 1e-37f);
        float before = float.NegativeInfinity;
        foreach (float x in Line.Order())
        {
            float rounded = quantizer.Apply(x);
            Assert.AreEqual(quantizer.Values[quantizer.CodeOf(x)], rounded, 1e-6f * Math.Abs(rounded));
            Assert.IsTrue(rounded >= before, $"{x}: {rounded} after {before}");
            before = rounded;
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Emit_AnyQuantizer_ComputesItsFormula(string name)
    {
        var quantizer = Quantizers[name];
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, Line.Length);
        model.Graph.AddOutput(new QdqActivation(model.Graph).Write(x, quantizer, "x"));
        using var session = new OnnxSession(model, TinyRuns.Settings.Session);
        float[] written = session.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(Line) }, [session.OutputNames[0]])[0].ToFloats();
        int sure = 0;
        for (int i = 0; i < Line.Length; i++)
            if (Exact(quantizer, Line[i]) is { } exact)
            {
                Assert.AreEqual(exact, quantizer.Apply(Line[i]), 1e-6 * Math.Abs(exact) + 1e-30, $"Apply({Line[i]})");
                Assert.AreEqual(exact, written[i], 1e-6 * Math.Abs(exact) + 1e-30, $"in the graph, {Line[i]}");
                sure++;
            }
        Assert.IsTrue(sure > Line.Length * 9 / 10, $"{sure} values away from borders");
    }

    /// <summary>x̂ by the formula in double; null within a thousandth of a border between two codes, where floats may differ.</summary>
    static double? Exact(ActivationQuantizer quantizer, double x)
    {
        switch (quantizer)
        {
            case AffineQuantizer q:
                double code = x / q.Scale + q.ZeroPoint;
                return IsBorder(code) ? null : q.Scale * (Math.Clamp(Math.Round(code), q.Low, q.High) - q.ZeroPoint);
            case LogQuantizer q:
                double ratio = (x + q.Shift) / q.Scale, u = ratio <= 0 ? double.PositiveInfinity : -Math.Log2(Math.Min(ratio, 1)) / q.Exponent;
                int levels = (1 << q.Bits) - (q.Zero == ZeroState.LastCode ? 1 : 0);
                if (IsBorder(u))
                    return null;
                return Math.Round(u) < levels ? q.Scale * Math.Pow(2, -Math.Round(u) * q.Exponent) - q.Shift : q.Zero == ZeroState.None ? q.Scale * Math.Pow(2, -(levels - 1) * q.Exponent) - q.Shift : -q.Shift;
            default:
                var twin = (TwinQuantizer)quantizer;
                var region = x < twin.Split ? twin.Lower : twin.Upper;
                return IsBorder(x / region.Step) || Math.Abs(x - twin.Split) < 1e-6 ? null : region.Step * Math.Clamp(Math.Round(x / region.Step), region.First, region.Last);
        }

        static bool IsBorder(double code) => Math.Abs(code - Math.Floor(code) - 0.5) < 1e-3;
    }

    [TestMethod]
    public void Values_ThreeZeroStates_DifferInTheLastCodeAlone()
    {
        float[] Of(ZeroState zero) => [.. new LogQuantizer(1, 0.5, 0, 3, zero).Values];
        float[] levels = [.. Enumerable.Range(0, 8).Select(u => (float)Math.Pow(2, -u / 2.0))];
        CollectionAssert.AreEqual(levels, Of(ZeroState.None));
        CollectionAssert.AreEqual(levels.Append(0).ToArray(), Of(ZeroState.Extra));
        CollectionAssert.AreEqual(levels.Take(7).Append(0).ToArray(), Of(ZeroState.LastCode));
    }

    [TestMethod]
    public void Values_Shifted_AreAdaLogsBiasReparameterization()
    {
        // AdaLog multiplies x̂ + shift and subtracts Ŵ·shift·1 from the bias; here x̂ has the shift taken off.
        var random = new Random(3);
        var quantizer = new LogQuantizer(2, 24.0 / 37, GeluQuantizer.Depth, 4, ZeroState.LastCode);
        double[] w = [.. Enumerable.Range(0, 64).Select(_ => random.NextDouble() - 0.5)];
        float[] x = [.. w.Select(_ => random.NextSingle() * 2.2f - 0.17f)];
        double bias = 0.3, theirs = bias - w.Sum() * GeluQuantizer.Depth, ours = bias;
        for (int i = 0; i < w.Length; i++)
        {
            double u = Math.Round(-Math.Log2(Math.Clamp((x[i] + GeluQuantizer.Depth) / 2.0, 1e-15, 1)) * 37 / 24);
            theirs += w[i] * (u >= 15 ? 0 : 2 * Math.Pow(2, -u * 24 / 37));
            ours += w[i] * quantizer.Apply(x[i]);
        }
        Assert.AreEqual(theirs, ours, 1e-5);
        Assert.AreNotEqual(theirs + w.Sum() * GeluQuantizer.Depth, ours, 0.01, "The shift makes no difference here; the case shows nothing.");
    }
}
