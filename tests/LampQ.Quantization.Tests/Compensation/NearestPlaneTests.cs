using MathNet.Numerics.LinearAlgebra;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class NearestPlaneTests
{
    [TestMethod]
    public void Round_UncorrelatedColumns_IsRoundingToNearest()
    {
        var plane = new NearestPlane(Matrix<double>.Build.DenseOfDiagonalArray([3, 1, 2]));
        float[] weights = [0.26f, -0.74f, 9f];
        var (codes, error) = Round(plane, weights, 0.5f, 3);
        CollectionAssert.AreEqual(new sbyte[] { 1, -1, 3 }, codes);
        Assert.AreEqual(3 * .24 * .24 + 1 * .24 * .24 + 2 * 7.5 * 7.5, error, 1e-4);
    }

    [TestMethod]
    public void Round_CorrelatedColumns_GivesTheCodesOfThePublishedLoop()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var (metric, weights) = Draw(seed, 12);
            var (codes, error) = Round(new NearestPlane(metric), weights, 0.4f, 4);
            CollectionAssert.AreEqual(PublishedLoop(metric, weights, 0.4, 4), codes, $"seed {seed}");
            Assert.AreEqual(Energy(metric, weights, codes, 0.4f), error, 1e-3 * error, $"seed {seed}");
        }
    }

    [TestMethod]
    public void Round_AnErrorToGiveUpAt_StopsThere()
    {
        var (metric, weights) = Draw(3, 12);
        var plane = new NearestPlane(metric);
        double whole = Round(plane, weights, 0.4f, 2).Error;
        var arranged = new float[12];
        plane.Arrange(weights, arranged);
        Assert.IsTrue(plane.Round(arranged, new WeightGrid(2, 0.4f), new float[12], whole / 2) >= whole / 2);
    }

    [TestMethod]
    public void Descend_AnyStart_EndsWhereNoSingleStepAndNoOtherScaleIsBetter()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var (metric, weights) = Draw(seed, 10);
            var plane = new NearestPlane(metric);
            var arranged = new float[10];
            plane.Arrange(weights, arranged);
            var rounded = new float[10];
            // A code less its zero point is what the scale multiplies.
            var grid = new WeightGrid(3, 0.5f, seed % 3 - 1);
            double before = plane.Round(arranged, grid, rounded);

            double after = plane.Descend(arranged, ref grid, rounded);

            float scale = grid.Scale;
            var codes = new sbyte[10];
            plane.Restore(rounded, grid, codes);
            for (int k = 0; k < 10; k++)
                codes[k] = (sbyte)(codes[k] - grid.ZeroPoint);
            double energy = Energy(metric, weights, codes, scale);
            Assert.IsTrue(after <= before * (1 + 1e-5), $"seed {seed}: {before} to {after}");
            Assert.AreEqual(energy, after, 1e-3 * before, $"seed {seed}");
            foreach (float other in new[] { scale * 0.99f, scale * 1.01f })
                Assert.IsTrue(Energy(metric, weights, codes, other) >= energy * (1 - 1e-4), $"seed {seed}, scale {scale}");
            for (int k = 0; k < 10; k++)
                foreach (int step in new[] { -1, 1 })
                    if (codes[k] + step >= grid.Low && codes[k] + step <= grid.High)
                    {
                        codes[k] = (sbyte)(codes[k] + step);
                        Assert.IsTrue(Energy(metric, weights, codes, scale) >= energy * (1 - 1e-2), $"seed {seed}, column {k}, step {step}");
                        codes[k] = (sbyte)(codes[k] - step);
                    }
        }
    }

    static (Matrix<double> Metric, float[] Weights) Draw(int seed, int size)
    {
        var random = new Random(seed);
        var factor = Matrix<double>.Build.Dense(size + 4, size, (_, _) => random.NextDouble() * 2 - 0.7);
        return (factor.TransposeThisAndMultiply(factor), [.. Enumerable.Range(0, size).Select(_ => (float)(random.NextDouble() * 4 - 2))]);
    }

    static (sbyte[] Codes, double Error) Round(NearestPlane plane, float[] weights, float scale, int bits)
    {
        var arranged = new float[weights.Length];
        var rounded = new float[weights.Length];
        var codes = new sbyte[weights.Length];
        plane.Arrange(weights, arranged);
        var grid = new WeightGrid(bits, scale);
        double error = plane.Round(arranged, grid, rounded);
        plane.Restore(rounded, grid, codes);
        return (codes, error);
    }

    static double Energy(Matrix<double> metric, float[] weights, sbyte[] codes, float scale)
    {
        var delta = Vector<double>.Build.Dense(weights.Length, k => weights[k] - (double)scale * codes[k]);
        return delta * (metric * delta);
    }

    /// <summary>GPTQ's algorithm 1 with act order, as the paper states it: the inverse of what is left of H in every step, and the update of all weights still to come.</summary>
    static sbyte[] PublishedLoop(Matrix<double> metric, float[] weights, double scale, int bits)
    {
        var w = weights.Select(v => (double)v).ToArray();
        var codes = new sbyte[w.Length];
        var left = Enumerable.Range(0, w.Length).OrderByDescending(k => metric[k, k]).ToList();
        while (left.Count > 0)
        {
            var inverse = Matrix<double>.Build.Dense(left.Count, left.Count, (i, j) => metric[left[i], left[j]]).Inverse();
            int k = left[0];
            codes[k] = (sbyte)Math.Clamp(Math.Round(w[k] / scale), -(1 << (bits - 1)), (1 << (bits - 1)) - 1);
            double error = (w[k] - scale * codes[k]) / inverse[0, 0];
            for (int i = 0; i < left.Count; i++)
                w[left[i]] -= error * inverse[i, 0];
            left.RemoveAt(0);
        }
        return codes;
    }
}
