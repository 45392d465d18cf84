namespace LampQ.Runtime.Tests;

[TestClass]
[TestCategory(KernelSwitchTests.Suite)]
public sealed class GatedActivationTests
{
    [TestMethod]
    [DataRow("gelu", 1e-7), DataRow("gelu-tanh", 1e-7), DataRow("quick-gelu", 5e-7), DataRow("relu", 0)]
    public void Apply_FromMinus20To20_IsWithinItsErrorOfDoublePrecision(string name, double allowed)
    {
        var activation = GatedActivation.Parse(name)!;
        double worst = 0, at = 0;
        for (int i = -10_000; i <= 10_000; i++)
        {
            float v = i * 2e-3f;
            double exact = Exact(name, v), error = Math.Abs(activation.Apply(v) - exact);
            // The last step, max(v, 0) − h, rounds to the floats there are around the result.
            error -= FusedCases.U * Math.Abs(exact);
            if (error > worst)
                (worst, at) = (error, v);
        }
        Console.WriteLine($"{name}: {worst:G3} at {at}");
        Assert.IsTrue(worst <= allowed, $"{name} is {worst:G3} off at {at}.");
    }

    [TestMethod]
    public void Apply_ValuesBeyondTheTable_AreThoseOfTheLimit()
    {
        foreach (var activation in GatedActivation.All())
        {
            Assert.AreEqual(1e30f, activation.Apply(1e30f));
            Assert.AreEqual(float.PositiveInfinity, activation.Apply(float.PositiveInfinity));
            Assert.AreEqual(0, activation.Apply(float.NegativeInfinity), 5e-7);
            Assert.AreEqual(0, activation.Apply(0), 5e-7);
        }
    }

    [TestMethod]
    public void Parse_NoneAndUnknownNames_GiveNullAndTheNamesThatExist()
    {
        Assert.IsNull(GatedActivation.Parse("none"));
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => GatedActivation.Parse("swish")).Message, "'swish'; none, gelu, gelu-tanh, quick-gelu, relu");
    }

    internal static double Exact(string name, double v) => name switch
    {
        "gelu" => v * (v > 0 ? 1 - Tail(v) : Tail(-v)),
        "gelu-tanh" => v / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))),
        "quick-gelu" => v / (1 + Math.Exp(-1.702 * v)),
        _ => Math.Max(v, 0),
    };

    /// <summary>1 − Φ(a) by Simpson's rule from a to a + 10 in steps of 1/64 (error below 5e-9): independent of the series the table is made from.</summary>
    static double Tail(double a)
    {
        const int steps = 640;
        const double step = 10.0 / steps;
        double sum = 0;
        for (int i = 0; i <= steps; i++)
            sum += Math.Exp(-(a + i * step) * (a + i * step) / 2) * (i is 0 or steps ? 1 : i % 2 == 1 ? 4 : 2);
        return sum * step / 3 / Math.Sqrt(2 * Math.PI);
    }
}
