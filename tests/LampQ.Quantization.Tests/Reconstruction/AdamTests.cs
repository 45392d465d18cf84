namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class AdamTests
{
    [TestMethod]
    public void Step_TheFirst_HasTheLengthOfTheRateWhateverTheGradient()
    {
        var adam = new Adam(4);
        float[] parameters = [1, 2, 3, 4];
        adam.Step(parameters, [1e-6f, -50, 3, 0], 0.25);
        // m̂ = g and v̂ = g², so the step is rate·sign g.
        float[] expected = [0.75f, 2.25f, 2.75f, 4];
        for (int i = 0; i < 4; i++)
            Assert.AreEqual(expected[i], parameters[i], 1e-5, $"parameter {i}");
    }

    [TestMethod]
    public void Step_TheSecond_FollowsTheFormulaByHand()
    {
        var adam = new Adam(1);
        float[] parameters = [0];
        adam.Step(parameters, [1], 0.1);
        adam.Step(parameters, [3], 0.1);
        // m = 0.9·0.1·1 + 0.1·3 = 0.39, m̂ = 0.39/0.19; v = 0.999·0.001·1 + 0.001·9 = 0.009999, v̂ = 0.009999/0.001999.
        double second = 0.39 / 0.19 / Math.Sqrt(0.009999 / 0.001999);
        Assert.AreEqual(-0.1 - 0.1 * second, parameters[0], 1e-5);
    }

    [TestMethod]
    public void Step_AQuadratic_ReachesItsMinimum()
    {
        var adam = new Adam(2);
        float[] parameters = [3, -2];
        for (int i = 0; i < 400; i++)
            adam.Step(parameters, [2 * (parameters[0] - 1), 200 * (parameters[1] - 0.5f)], 0.05 * (1 - i / 400.0));
        Assert.AreEqual(1, parameters[0], 1e-2);
        Assert.AreEqual(0.5, parameters[1], 1e-2);
    }

    [TestMethod]
    public void Step_AnotherNumberOfGradients_Throws() =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new Adam(3).Step(new float[3], new float[2], 1)).Message, "2 gradients");
}
