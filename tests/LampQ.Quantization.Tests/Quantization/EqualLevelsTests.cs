namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class EqualLevelsTests
{
    [TestMethod]
    [DataRow(2, 0.9957)]
    [DataRow(3, 0.5860)]
    [DataRow(4, 0.3352)]
    public void Of_NormalValues_FindsTheStepOfTheTextbook(int bits, double step)
    {
        // Steps of the best uniform quantizer of a normal distribution: Max, "Quantizing for minimum distortion", IRE Trans. Inf. Theory 6 (1960), table II.
        var values = new Histogram(5.5f, 14.5f, 1024);
        var random = new Random(1);
        for (int i = 0; i < 200_000; i++)
            values.Add(Math.Clamp((float)(10 + Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())), 5.5f, 14.5f));

        var levels = EqualLevels.Of(values, bits);

        Assert.AreEqual(step, levels.Step, .03 * step);
        // 10, the mean, lies in the middle between two levels; the upper one is that of code 2^(bits − 1).
        Assert.AreEqual(10 + step / 2, levels.Middle, .05);
    }

    [TestMethod]
    public void Of_ValuesFarFrom0_NeedNotContain0()
    {
        var values = new Histogram(100, 107, 700);
        for (int i = 0; i < 8; i++)
            values.Add(100 + i);

        var levels = EqualLevels.Of(values, 3);

        Assert.AreEqual(100, levels.Low, .1);
        Assert.AreEqual(1, levels.Step, .03);
    }

    [TestMethod]
    public void Of_EqualValues_IsThatValue()
    {
        var values = new Histogram(2, 2, 16);
        values.Add(2);

        Assert.AreEqual(new EqualLevels(2, 0, 4), EqualLevels.Of(values, 4));
    }
}
