using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class MapQuantizerTests
{
    public static IEnumerable<object[]> Names => MapQuantizer.All.Select(q => new object[] { q.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Choose_AnyWidth_CodesTheUnitIntervalInThatManyBits(string name)
    {
        for (int bits = 2; bits <= 8; bits++)
        {
            var code = Of(name).Choose(bits, ZeroState.LastCode, c => Math.Abs(c.Quantizer.Apply(0.3f) - 0.3) + Math.Abs(c.Quantizer.Apply(0.01f) - 0.01));
            Assert.AreEqual(bits, code.Quantizer.Bits);
            Assert.IsTrue(code.Quantizer.Values.Distinct().Count() <= 1 << bits);
            Assert.AreEqual(1, code.Quantizer.Apply(1), 1e-6);
            Assert.AreEqual(0, code.Quantizer.Apply(0), 1e-6);
            Assert.IsTrue(code.Quantizer.Values.All(v => v is >= 0 and <= 1));
        }
    }

    [TestMethod]
    public void Choose_SearchedKindsWithoutAnError_AreRefused()
    {
        foreach (var map in MapQuantizer.All)
            if (map.NeedsContextError)
                StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => map.Choose(4, ZeroState.LastCode)).Message, map.Name);
            else
                map.Choose(4, ZeroState.LastCode);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MapQuantizer.Uniform.Choose(9, ZeroState.LastCode));
    }

    [TestMethod]
    [DataRow(3)]
    [DataRow(4)]
    public void AdaLog_Base_IsSearched(int bits)
    {
        // Softmax over 100 keys with scores of standard deviation 3: what maps look like.
        var random = new Random(5);
        var map = new List<float>();
        for (int row = 0; row < 60; row++)
        {
            double[] exp = [.. Enumerable.Range(0, 100).Select(_ => Math.Exp(3 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
            map.AddRange(exp.Select(e => (float)(e / exp.Sum())));
        }
        double Error(MapCode code) => map.Sum(x => Math.Pow(code.Quantizer.Apply(x) - x, 2));
        double own = Error(MapQuantizer.AdaLog.Choose(bits, ZeroState.LastCode, Error));
        double best = Enumerable.Range(AdaLogBase.Least, AdaLogBase.Most).Min(q => Error(new MapCode(new LogQuantizer(1, AdaLogBase.Exponent(q), 0, bits, ZeroState.LastCode), false)));
        Assert.IsTrue(own <= 1.02 * best, $"{own} against {best} of all bases");
        Assert.IsTrue(own < 0.98 * Error(MapQuantizer.Log2.Choose(bits, ZeroState.LastCode)));
        Assert.IsTrue(own < 0.98 * Error(MapQuantizer.LogSqrt2.Choose(bits, ZeroState.LastCode)));
    }

    [TestMethod]
    public void ContextErrors_AnyCode_AreThoseOfTheProductInDouble()
    {
        var vit = new TinyVit();
        var calibration = TinyRuns.Calibrate(vit, TinyRuns.Samples(vit));
        using var errors = new ContextErrors(calibration, calibration.Samples, TinyRuns.Settings);
        var attention = calibration.Structure.Attentions[1];
        float[][] maps = TinyRuns.Values(calibration.Model, attention.Context.Input(0)!.Name, calibration.Samples), values = TinyRuns.Values(calibration.Model, attention.Context.Input(1)!.Name, calibration.Samples);
        int tokens = vit.Tokens, channels = vit.HeadSize;
        foreach (var code in new[] { MapCode.Uniform(3), MapQuantizer.Log2.Choose(3, ZeroState.LastCode), MapQuantizer.RowLogSqrt2.Choose(3, ZeroState.None), new MapCode(TwinMap.Code(0.25f, 3), false) })
        {
            double expected = 0;
            for (int n = 0; n < maps.Length; n++)
                for (int row = 0; row < vit.Heads * tokens; row++)
                {
                    var line = maps[n].AsSpan(row * tokens, tokens);
                    float largest = code.IsRowByRow ? System.Numerics.Tensors.TensorPrimitives.Max<float>(line) : 1;
                    for (int c = 0; c < channels; c++)
                    {
                        double sum = 0;
                        for (int t = 0; t < tokens; t++)
                            sum += ((double)code.Quantizer.Apply(line[t] / largest) * largest - line[t]) * values[n][(row / tokens * tokens + t) * channels + c];
                        expected += sum * sum;
                    }
                }
            Assert.AreEqual(expected, errors.Of(attention)(code), 1e-4 * expected, code.Quantizer.ToString());
        }
    }

    [TestMethod]
    public void Twin_AboveTheSplit_IsOneRegionAndNotTheSumOfBoth()
    {
        for (int i = 1; i <= 8; i++)
        {
            float t = MathF.Pow(2, -i);
            var code = TwinMap.Code(t, 4);
            float[] levels = [.. Enumerable.Range(0, 8).Select(j => j * t / 7), .. Enumerable.Range(0, 8).Select(j => j / 7f)];
            for (float x = 0; x <= 1; x += 0.003f)
                Assert.AreEqual(levels.Min(level => Math.Abs(level - x)), Math.Abs(code.Apply(x) - x), 1e-6, $"t = {t}, x = {x}");
        }
    }

    static MapQuantizer Of(string name) => MapQuantizer.All.Single(q => q.Name == name);
}
