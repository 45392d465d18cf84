using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class ActivationRangeTests
{
    public static IEnumerable<object[]> Names => ActivationRange.All.Select(r => new object[] { r.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Choose_AnyWidth_GivesAQuantizerOfThatWidthWithinTheValuesSeen(string name)
    {
        var values = Normal(20000, outlier: 30);
        for (int bits = 2; bits <= 8; bits++)
        {
            var quantizer = Choose(name, values, bits);
            Assert.AreEqual(bits, quantizer.Bits);
            // The zero point is rounded: the range moves by half a step at most.
            Assert.IsTrue(quantizer.Minimum >= values.Min - quantizer.Scale && quantizer.Maximum <= values.Max + quantizer.Scale, $"{bits} bits: {quantizer}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Choose_ValuesThatAreAllEqual_RepresentsThem(string name)
    {
        foreach (float value in new[] { 0f, 2.5f, -3f })
        {
            var values = new Histogram(value, value, 16);
            values.Add(value);
            Assert.AreEqual(value, Choose(name, values, 4).Apply(value), 1e-6f * Math.Abs(value));
        }
    }

    [TestMethod]
    public void MinMax_AnOutlier_IsNotClippedAndByAllOthersItIs()
    {
        var values = Normal(200000, outlier: 60);
        foreach (var range in ActivationRange.All)
            Assert.AreEqual(range == ActivationRange.MinMax, Choose(range.Name, values, 4).Maximum > 55, range.Name);
    }

    [TestMethod]
    public void Percentile_ManyValues_IsOneOfThePublishedQuantiles()
    {
        var values = Normal(200000, outlier: 60);
        var quantizer = ActivationRange.Percentile.Choose(values, 6);
        Assert.IsTrue(new[] { 1e-3, 1e-4, 1e-5 }.Any(tail => AffineQuantizer.OfRange(values.Quantile(tail), values.Quantile(1 - tail), 6) == quantizer));
    }

    [TestMethod]
    public void Divergence_OfTheRangeThatFits_IsLeast()
    {
        // Four equally likely values at the codes of a 2-bit quantizer: nothing is lost there, and every other range loses something.
        var values = new Histogram(-0.5f, 3.5f, 400);
        for (int i = 0; i < 4000; i++)
            values.Add(i % 4);
        double right = EntropyRange.Divergence(values, new AffineQuantizer(1, 0, 0, 3));
        Assert.AreEqual(0, right, 1e-9);
        Assert.IsTrue(EntropyRange.Divergence(values, new AffineQuantizer(0.6f, 0, 0, 3)) > 0.01);
        Assert.IsTrue(EntropyRange.Divergence(values, new AffineQuantizer(0.9f, 1, 0, 3)) > 0.01);
    }

    [TestMethod]
    public void OutputMse_WithoutAnOutputError_IsRefused() =>
        Assert.ThrowsExactly<ArgumentException>(() => ActivationRange.OutputMse.Choose(Normal(100, 3), 4));

    [TestMethod]
    public void Progressive_AScaleAndAZeroPointThatNoQuantileGives_AreFound()
    {
        // A pair that no range of quantiles gives.
        static double Error(AffineQuantizer q) => Math.Abs(Math.Log(q.Scale / 0.31)) + Math.Abs(q.ZeroPoint - 5);
        var found = ActivationRange.Progressive.Choose(Normal(20000, outlier: 6), 4, Error);
        Assert.AreEqual(5, found.ZeroPoint);
        Assert.AreEqual(0.31, found.Scale, 0.31 * 1e-3);
    }

    [TestMethod]
    [DataRow("output-mse")]
    [DataRow("fpcs")]
    public void ByOutputError_AnActivationOfAModel_LeavesLessAtTheOutputThanTheRangeOfLeastInputError(string name)
    {
        var range = ActivationRange.All.Single(r => r.Name == name);
        var vit = new TinyVit();
        var calibration = TinyRuns.Calibrate(vit, TinyRuns.Samples(vit));
        var errors = new OutputErrors(calibration, calibration.Samples, null, TinyRuns.Settings);
        int better = 0;
        foreach (var layer in calibration.Structure.Layers.Where(l => !l.Node.Is("Conv")))
        {
            var values = calibration.Statistics[layer.Input.Name].Groups[0];
            var (byOutput, byInput) = (range.Choose(values, 3, errors.Of(layer.Input.Name)), ActivationRange.Mse.Choose(values, 3));
            double Measured(AffineQuantizer quantizer) => MeasuredError(calibration, layer, quantizer);
            Assert.AreEqual(Measured(byOutput), errors.Of(layer.Input.Name)!(byOutput), 1e-3 * Measured(byInput), layer.Name);
            Assert.IsTrue(Measured(byOutput) <= Measured(byInput) * (1 + 1e-4), layer.Name);
            better += Measured(byOutput) < 0.97 * Measured(byInput) ? 1 : 0;
        }
        Assert.IsTrue(better > 0, "The search never left its start.");
    }

    /// <summary>Σ ‖W·(x̂ − x)‖² of one layer by plain loops.</summary>
    static double MeasuredError(Calibration calibration, QuantizableLayer layer, AffineQuantizer quantizer)
    {
        float[] weight = layer.ReadWeight();
        double sum = 0;
        foreach (float[] sample in TinyRuns.Values(calibration.Model, layer.Input.Name, calibration.Samples))
            for (int t = 0; t < sample.Length / layer.InputChannels; t++)
                for (int n = 0; n < layer.OutputChannels; n++)
                    sum += Math.Pow(Enumerable.Range(0, layer.InputChannels).Sum(k =>
                    {
                        float x = sample[t * layer.InputChannels + k];
                        return weight[n * layer.InputChannels + k] * ((double)quantizer.Apply(x) - x);
                    }), 2);
        return sum;
    }

    static AffineQuantizer Choose(string name, Histogram values, int bits) =>
        ActivationRange.All.Single(r => r.Name == name).Choose(values, bits, q => RangeSearch.MeanSquaredError(values, q));

    static Histogram Normal(int count, float outlier)
    {
        var random = new Random(5);
        var values = new Histogram(-outlier, outlier, 4096);
        for (int i = 0; i < count; i++)
            values.Add((float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())));
        values.Add(outlier);
        return values;
    }
}
