namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed class ExponentialTests
{
    [TestMethod]
    public void Of_From0ToMinus87_IsWithin1_2e7OfDoublePrecision()
    {
        double worst = 0, at = 0;
        for (float t = 0; t >= -87; t -= t > -1 ? 1e-5f : 1e-3f)
        {
            double error = Math.Abs(Exponential.Of(t) / Math.Exp(t) - 1);
            if (error > worst)
                (worst, at) = (error, t);
        }
        Console.WriteLine($"{worst:G3} at {at}");
        Assert.IsTrue(worst <= 1.2e-7, $"{worst:G3} off at {at}.");
    }

    [TestMethod]
    public void Of_Ends_AreExact()
    {
        Assert.AreEqual(1f, Exponential.Of(0));
        Assert.IsTrue(Exponential.Of(-87) > 1.17549435E-38f, "A subnormal number.");
        Assert.AreEqual(0f, Exponential.Of(-87.00001f));
        Assert.AreEqual(0f, Exponential.Of(float.NegativeInfinity));
        Assert.AreEqual(0f, Exponential.Of(float.NaN));
    }
}
