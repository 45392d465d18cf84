using LampQ.Onnx;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class RoundingParameterTests
{
    // Steps −2 to 1, row 1 from −3 to 0.
    static readonly QuantizedWeights weights = new(2, 2, 4, [-2, -1, 0, 1, -1, 0, 1, 1], [1, 0.5f], [0, 1]);

    [TestMethod]
    public void Neighbours_OfEveryInteger_LieOnTheSideOfTheFloatWeightAndInRange()
    {
        // Beyond the lowest, below, above, beyond the highest; of row 1 (steps −2, −1, 0, 0): above, at the integer, below by more than a step, above the highest.
        float[] real = [-3, -1.25f, 0.4f, 1.4f, -0.9f, -0.5f, -0.8f, 0.4f];
        var (below, fractions) = RoundingParameter.Neighbours(weights, real);
        CollectionAssert.AreEqual(new float[] { -2, -2, 0, 0, -2, -2, -1, -1 }, below);
        float[] expected = [0, 0.75f, 0.4f, 1, 0.2f, 1, 0, 1];
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], fractions[i], 1e-6f, $"weight {i}");
    }

    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.3f)]
    [DataRow(1f)]
    public void Begin_AnyShare_RoundsToTheIntegersItStartedFrom(float share)
    {
        float[] real = [-3, -1.25f, 0.4f, 1.4f, -0.9f, -0.5f, -0.8f, 0.4f];
        var (below, fractions) = RoundingParameter.Neighbours(weights, real);
        var rounding = new RoundingParameter("codes", [2, 4], weights.Steps(), below, () => fractions, share);
        rounding.Begin();
        CollectionAssert.AreEqual(weights.Steps(), rounding.Steps());
        float[] soft = rounding.Soft().ToFloats();
        for (int i = 0; i < soft.Length; i++)
        {
            // Towards the float weight by its share, and no farther than where rounding would turn.
            float step = weights.Steps()[i], wanted = Math.Clamp(share * (below[i] + fractions[i] - step), -0.45f, 0.45f);
            Assert.AreEqual(step + wanted, soft[i], 1e-5f, $"weight {i}");
        }
        CollectionAssert.AreEqual(weights.Steps(), rounding.Hard().ToFloats());
    }

    [TestMethod]
    public void Step_AlongAGradient_MovesBetweenBothNeighboursOnly()
    {
        float[] real = [-3, -1.25f, 0.4f, 1.4f, -0.9f, -0.5f, -0.8f, 0.4f];
        var (below, fractions) = RoundingParameter.Neighbours(weights, real);
        var rounding = new RoundingParameter("codes", [2, 4], weights.Steps(), below, () => fractions, 0.3f);
        rounding.Begin();
        // Up for the first half, down for the second.
        float[] gradient = [-1, -1, -1, -1, 1, 1, 1, 1];
        for (int step = 0; step < 200; step++)
            rounding.Step(gradient, 0.1, 0, 2);
        CollectionAssert.AreEqual(below.Select((b, i) => i < 4 ? b + 1 : b).ToArray(), rounding.Steps());
        CollectionAssert.AreEqual(rounding.Steps(), rounding.Soft().ToFloats());
    }

    [TestMethod]
    [DataRow(20.0)]
    [DataRow(4.0)]
    [DataRow(2.0)]
    public void Step_PullAlone_BringsEachWeightToTheNearerInteger(double beta)
    {
        // ∂(1 − |2h − 1|^β)/∂h has the sign of 1 − 2h, whatever β.
        float[] real = [-1.7f, -1.25f, 0.4f, 0.6f, -0.9f, -0.6f, -0.2f, -0.1f];
        var (below, fractions) = RoundingParameter.Neighbours(weights, real);
        var rounding = new RoundingParameter("codes", [2, 4], weights.Steps(), below, () => fractions, 1);
        rounding.Begin();
        // Mean of 1 − |2h − 1|: 0 where every weight has come to rest.
        double Undecided() => rounding.Soft().ToFloats().Zip(below, (soft, lower) => 1 - Math.Abs(2.0 * (soft - lower) - 1)).Average();
        double before = Undecided();
        for (int step = 0; step < 500; step++)
            rounding.Step(new float[8], 0.02, 1, beta);
        Assert.IsTrue(Undecided() < 0.02 * before, $"{before} to {Undecided()}");
        CollectionAssert.AreEqual(weights.Steps(), rounding.Steps());
    }
}
