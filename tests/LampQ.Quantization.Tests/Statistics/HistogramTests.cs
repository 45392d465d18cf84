namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class HistogramTests
{
    [TestMethod]
    public void Add_ValuesInAndOutOfBounds_CountInTheirOrTheNearestBin()
    {
        var histogram = new Histogram(0, 4, 4);
        foreach (float value in new[] { -9f, 0f, .99f, 1f, 2.5f, 4f, 77f })
            histogram.Add(value);
        CollectionAssert.AreEqual(new uint[] { 3, 1, 1, 2 }, histogram.Counts.ToArray());
        Assert.AreEqual(7, histogram.Total);
        Assert.AreEqual(1, histogram.BinWidth);
        Assert.AreEqual(2.5, histogram.Center(2));
    }

    [TestMethod]
    [DataRow(.01)]
    [DataRow(.25)]
    [DataRow(.5)]
    [DataRow(.999)]
    public void Quantile_OfADraw_LiesWithinABinOfTheSortedValues(double share)
    {
        var random = new Random(3);
        float[] values = [.. Enumerable.Range(0, 5000).Select(_ => MathF.Pow(random.NextSingle(), 3) * 7 - 2)];
        var histogram = new Histogram(values.Min(), values.Max(), 512);
        foreach (float value in values)
            histogram.Add(value);
        Array.Sort(values);
        Assert.AreEqual(values[(int)(share * values.Length)], histogram.Quantile(share), histogram.BinWidth * 1.001);
    }

    [TestMethod]
    public void Quantile_AtTheEnds_IsTheBounds()
    {
        var histogram = new Histogram(-1.5f, 2.5f, 16);
        histogram.Add(0);
        Assert.AreEqual(-1.5f, histogram.Quantile(0));
        Assert.AreEqual(2.5f, histogram.Quantile(1));
    }

    [TestMethod]
    public void Constructor_BoundsOutOfOrderOrNotFinite_AreRefused()
    {
        foreach (var (min, max) in new[] { (1f, 0f), (float.NaN, 1f), (0f, float.NaN), (0f, float.PositiveInfinity), (float.NegativeInfinity, 0f) })
            Assert.ThrowsExactly<ArgumentException>(() => new Histogram(min, max, 4), $"{min} to {max}");
    }
}
