using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class GeluQuantizerTests
{
    static readonly RangeChoice choice = new(ActivationRange.Mse);

    public static IEnumerable<object[]> Names => GeluQuantizer.All.Select(q => new object[] { q.Name });

    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    [DataRow(8)]
    public void Choose_Nearest_HasTheLeastErrorOfAll(int bits)
    {
        var values = Gelus(20000);
        double least = GeluQuantizer.All.Where(q => q != GeluQuantizer.Nearest).Min(q => Error(values, q.Choose(values, bits, choice)));
        Assert.AreEqual(least, Error(values, GeluQuantizer.Nearest.Choose(values, bits, choice)));
    }

    [TestMethod]
    public void Nearest_InTheCpuProfile_IsChosenForEightBits()
    {
        var vit = new TinyVit();
        var calibration = TinyRuns.Calibrate(vit, TinyRuns.Samples(vit));
        var fc2 = calibration.Structure.Layers.First(l => l.Type == LayerType.Fc2);
        var values = Gelus(20000);
        // A width whose best kind is another one than that of 8 bits.
        int target = Enumerable.Range(2, 6).First(b => GeluQuantizer.Nearest.KindFor(values, b, choice) != GeluQuantizer.Nearest.KindFor(values, 8, choice));
        var quantizers = (calibration with { Statistics = new Dictionary<string, ActivationStatistics>(calibration.Statistics) { [fc2.Input.Name] = new([values]) } }).Quantizers(TinyRuns.Options with { TargetBits = target, GeluQuantizer = GeluQuantizer.Nearest });
        Assert.AreEqual(Error(values, GeluQuantizer.Nearest.Choose(values, 8, choice)), Error(values, quantizers.Input(fc2, target)));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Choose_AnyWidth_IsOfThatWidthAndOfOneKind(string name)
    {
        var values = Gelus(20000);
        var kind = Of(name).KindFor(values, 4, choice);
        var all = Enumerable.Range(2, 7).Select(bits => kind.Choose(values, bits, choice)).ToArray();
        for (int i = 0; i < all.Length; i++)
        {
            Assert.AreEqual(i + 2, all[i].Bits);
            Assert.IsTrue(all[i].Values.Distinct().Count() <= 1 << (i + 2));
            Assert.AreEqual(all[0].GetType(), all[i].GetType());
            CollectionAssert.AreEqual(all[0].Parameters.Select(p => p.Name).ToArray(), all[i].Parameters.Select(p => p.Name).ToArray());
            if (i > 0)
                Assert.IsTrue(Error(values, all[i]) < Error(values, all[i - 1]), $"{i + 2} bits");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Choose_ValuesThatAreAllEqual_AreSafe(string name)
    {
        foreach (float value in new[] { 0f, 0.5f, -0.1f })
        {
            var values = new Histogram(value, value, 16);
            values.Add(value);
            // The signs' negative side has steps of its own, 0.17/2³ in twin.
            float tolerance = value < 0 && name is "twin" or "region" ? 0.0107f : 1e-6f;
            Assert.AreEqual(value, Of(name).Choose(values, 4, choice).Apply(value), tolerance, $"{value}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Choose_AnActivationNotBehindGelu_IsCodedOrRefusedNamingWhatCodesIt(string name)
    {
        var values = new Histogram(-3, 3, 64);
        for (int i = 0; i < 600; i++)
            values.Add(-3 + i * 0.01f);
        if (Of(name).Suits(-3))
        {
            Assert.IsTrue(Of(name).Choose(values, 4, choice).Apply(-2) < -1);
            return;
        }
        var error = Assert.ThrowsExactly<ArgumentException>(() => Of(name).Choose(values, 4, choice));
        foreach (string part in new[] { name, "-3", "uniform or region" })
            StringAssert.Contains(error.Message, part);
    }

    [TestMethod]
    public void AdaLog_BaseAndScale_AreAtLeastAsGoodAsEveryOtherOfACoarseGrid()
    {
        var values = Gelus(20000);
        var chosen = (LogQuantizer)GeluQuantizer.AdaLog.Choose(values, 4, choice);
        double least = Error(values, chosen);
        foreach (int q in AdaLogBase.Grid(6))
            for (float share = 0.3f; share <= 1; share += 0.05f)
                Assert.IsTrue(least <= Error(values, chosen with { Scale = share * (values.Max + GeluQuantizer.Depth), Exponent = AdaLogBase.Exponent(q) }) * 1.02, $"q = {q}, scale {share:F2} of the range");
    }

    [TestMethod]
    public void Region_Power_IsSearched()
    {
        var values = Gelus(20000);
        var chosen = (TwinQuantizer)GeluQuantizer.Region.Choose(values, 4, choice);
        double ratio = Math.Log2(chosen.Upper.Step / chosen.Lower.Step);
        Assert.AreEqual(Math.Round(ratio), ratio, 1e-5);
        Assert.IsTrue(ratio is > 0 and < 15, $"2^{ratio}");
        foreach (int m in Enumerable.Range(0, 16))
            Assert.IsTrue(Error(values, chosen) <= Error(values, SignRegions.Of(chosen.Upper.Step / (1 << m), chosen.Upper.Step, 4)));
    }

    [TestMethod]
    public void Choose_ByOutput_TakesTheCandidateOfLeastOutputError()
    {
        var values = Gelus(20000);
        // An error at the output that wants the largest scale.
        var byOutput = new RangeChoice(ActivationRange.OutputMse, ZeroState.LastCode, q => -q.Values.Max());
        foreach (var gelu in GeluQuantizer.All)
            if (gelu != GeluQuantizer.Uniform)
                Assert.IsTrue(gelu.Choose(values, 4, byOutput).Values.Max() > gelu.Choose(values, 4, choice).Values.Max(), gelu.Name);
    }

    static GeluQuantizer Of(string name) => GeluQuantizer.All.Single(q => q.Name == name);

    static double Error(Histogram values, ActivationQuantizer quantizer) => RangeSearch.MeanSquaredError(values, quantizer);

    /// <summary>GELU of normal values with standard deviation 1.5.</summary>
    static Histogram Gelus(int count)
    {
        var random = new Random(11);
        float[] gelus = [.. Enumerable.Range(0, count).Select(_ =>
        {
            double x = 1.5 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            return (float)(x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))));
        })];
        var values = new Histogram(gelus.Min(), gelus.Max(), 4096);
        foreach (float value in gelus)
            values.Add(value);
        return values;
    }
}
