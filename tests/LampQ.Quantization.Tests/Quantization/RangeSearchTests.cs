using LampQ.Onnx;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class RangeSearchTests
{
    const int Bins = 4096;

    /// <summary>Activations as they occur: a bell, one with a few outliers, GELU's, one side only, far from zero.</summary>
    static IReadOnlyDictionary<string, Func<Random, float>> Distributions => new Dictionary<string, Func<Random, float>>
    {
        ["bell"] = Bell,
        ["bell with outliers"] = r => Bell(r) * (r.Next(2000) == 0 ? 30 : 1),
        ["gelu"] = r => Bell(r) is var x ? x / (1 + MathF.Exp(-1.702f * x)) : 0,
        ["positive"] = r => MathF.Abs(Bell(r)),
        ["far from zero"] = r => 10 + Bell(r),
        ["negative"] = r => -3 - r.NextSingle(),
    };

    public static IEnumerable<object[]> Cases => from name in Distributions.Keys from bits in new[] { 2, 4, 8 } select new object[] { name, bits };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void MeanSquaredError_OfAHistogram_IsThatOfTheValues(string distribution, int bits)
    {
        var (values, histogram) = Draw(distribution);
        foreach (var quantizer in new[] { AffineQuantizer.OfRange(histogram.Min, histogram.Max, bits), AffineQuantizer.OfRange(histogram.Min / 2, histogram.Max / 2, bits), RangeSearch.Centered(histogram, bits) })
        {
            double expected = Direct(values, quantizer);
            // A bin is at most a sixteenth of a step; the bins on the border between two codes, one in sixteen, count as half a step off
            // throughout, which adds s·w/4 = s²/64 for a sixteenth of the values: 1.2 % of s²/12. The rest is the draw (20,000 values).
            // A histogram far from zero has finer bins than steps and errs less.
            Assert.AreEqual(expected, RangeSearch.MeanSquaredError(histogram, quantizer), .04 * expected, $"{quantizer}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void MeanSquaredError_OfAnAffineQuantizer_IsThatOfItsLevels(string distribution, int bits)
    {
        var histogram = Draw(distribution).Histogram;
        foreach (var quantizer in new[] { AffineQuantizer.OfRange(histogram.Min, histogram.Max, bits), AffineQuantizer.OfRange(histogram.Min / 2, histogram.Max / 2, bits), RangeSearch.Centered(histogram, bits) })
        {
            double levels = RangeSearch.ErrorOfLevels(histogram, quantizer);
            // Levels are floats: within |x| one is 2⁻²⁴·|x| off, which moves an error of s/2 at most by s·2⁻²⁴·|x|; codes reach 2⁸ steps.
            Assert.AreEqual(levels, RangeSearch.MeanSquaredError(histogram, quantizer), 1e-4 * levels, $"{quantizer}");
        }
    }

    [TestMethod]
    [DataRow(0.25f, 4)]
    [DataRow(0.5f, 4)]
    [DataRow(1f, 3)]
    public void MeanSquaredError_OfALogarithmicCode_IsThatOfTheValues(float exponent, int bits)
    {
        var (values, histogram) = Draw("positive");
        var quantizer = new LogQuantizer(histogram.Max, exponent, 0, bits, ZeroState.LastCode);
        double expected = values.Average(x => Math.Pow((double)x - quantizer.Apply(x), 2));
        // The large steps decide, which are hundreds of bins wide; a bin on the border of two codes is at most w/2 off (w/s relative).
        Assert.AreEqual(expected, RangeSearch.MeanSquaredError(histogram, quantizer), .01 * expected);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Asymmetric_AnyDistribution_IsNoWorseThanMinMax(string distribution, int bits)
    {
        var (values, histogram) = Draw(distribution);
        var minMax = AffineQuantizer.OfRange(histogram.Min, histogram.Max, bits);

        var found = RangeSearch.Asymmetric(histogram, bits);

        Assert.IsTrue(RangeSearch.MeanSquaredError(histogram, found) <= RangeSearch.MeanSquaredError(histogram, minMax));
        // On the values themselves: the histogram knows errors to 4 % (above).
        Assert.IsTrue(Direct(values, found) <= 1.04 * Direct(values, minMax));
        Assert.AreEqual(bits, found.Bits);
        Assert.AreEqual(0f, found.Apply(0));
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Centered_AnyDistribution_IsNoWorseThanTheLargestMagnitude(string distribution, int bits)
    {
        var (values, histogram) = Draw(distribution);
        var largest = AffineQuantizer.Centered(Math.Max(Math.Abs(histogram.Min), Math.Abs(histogram.Max)), bits);

        var found = RangeSearch.Centered(histogram, bits);

        Assert.IsTrue(RangeSearch.MeanSquaredError(histogram, found) <= RangeSearch.MeanSquaredError(histogram, largest));
        Assert.IsTrue(Direct(values, found) <= 1.04 * Direct(values, largest));
        Assert.AreEqual(128, found.ZeroPoint);
        Assert.AreEqual(bits, found.Bits);
    }

    [TestMethod]
    public void Asymmetric_FewOutliersAndFewBits_ClipsThem()
    {
        var (values, histogram) = Draw("bell with outliers");
        var found = RangeSearch.Asymmetric(histogram, 4);
        Assert.IsTrue(found.Maximum < histogram.Max / 2, $"{found} covers the outliers up to {histogram.Max}");
        Assert.IsTrue(Direct(values, found) < .8 * Direct(values, AffineQuantizer.OfRange(histogram.Min, histogram.Max, 4)));
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(8)]
    public void Search_ConstantZero_RepresentsItExactly(int bits)
    {
        var zeros = new Histogram(0, 0, Bins);
        for (int i = 0; i < 100; i++)
            zeros.Add(0);
        foreach (var quantizer in new[] { RangeSearch.Asymmetric(zeros, bits), RangeSearch.Centered(zeros, bits) })
        {
            Assert.IsTrue(quantizer.Scale > 0 && float.IsFinite(quantizer.Scale));
            Assert.AreEqual(0f, quantizer.Apply(0));
        }
        Assert.AreEqual((0f, 0f), RangeSearch.Clip(zeros));
    }

    [TestMethod]
    [DataRow(3f, 2)]
    [DataRow(3f, 8)]
    [DataRow(-1e-4f, 8)]
    [DataRow(-1e4f, 4)]
    public void Search_ConstantActivation_IsRepresented(float value, int bits)
    {
        var constant = new Histogram(value, value, Bins);
        for (int i = 0; i < 100; i++)
            constant.Add(value);
        // Its end of the range is a code: only the float product scale·code rounds.
        Assert.AreEqual(value, RangeSearch.Asymmetric(constant, bits).Apply(value), 1e-6f * Math.Abs(value));
        var centered = RangeSearch.Centered(constant, bits);
        Assert.AreEqual(value, centered.Apply(value), centered.Scale * 1.0001f);
        Assert.AreEqual((value, value), RangeSearch.Clip(constant));
    }

    [TestMethod]
    public void Search_NoValueAtAll_GivesAUsableQuantizer()
    {
        var empty = new Histogram(-1, 1, Bins);
        Assert.AreEqual(0, RangeSearch.MeanSquaredError(empty, AffineQuantizer.OfRange(-1, 1, 8)));
        Assert.IsTrue(RangeSearch.Asymmetric(empty, 8).Scale > 0);
        Assert.IsTrue(RangeSearch.Centered(empty, 8).Scale > 0);
    }

    [TestMethod]
    public void Clip_FewOutliers_LeavesZeroOutsideAndOutliersOut()
    {
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, 20_000).Select(i => i % 4000 == 0 ? 500f : 10 + Bell(random))];
        var (min, max) = RangeSearch.Clip(Of(values));
        Assert.IsTrue(min is > 5 and < 9, $"{min}");
        // 5 of 20,000 values lie out: clipping them costs far more than 8 bits over the whole range (490²·5 against (490/255)²/12·20,000).
        Assert.AreEqual(500f, max, 1f);
    }

    static (float[] Values, Histogram Histogram) Draw(string distribution)
    {
        var random = new Random(11);
        float[] values = [.. Enumerable.Range(0, 20_000).Select(_ => Distributions[distribution](random))];
        return (values, Of(values));
    }

    static Histogram Of(float[] values)
    {
        var histogram = new Histogram(values.Min(), values.Max(), Bins);
        foreach (float value in values)
            histogram.Add(value);
        return histogram;
    }

    static double Direct(float[] values, AffineQuantizer quantizer) => values.Average(x => Math.Pow((double)x - quantizer.Apply(x), 2));

    static float Bell(Random random) => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
