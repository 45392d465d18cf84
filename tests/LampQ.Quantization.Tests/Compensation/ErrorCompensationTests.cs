using LampQ.Onnx;
using MathNet.Numerics.LinearAlgebra;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class ErrorCompensationTests
{
    public static IEnumerable<object[]> Names => ErrorCompensation.All.Select(c => new object[] { c.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Compensate_AnyWidth_GivesCodesOfThatWidthAndPositiveScales(string name)
    {
        var layer = new LayerCase();
        for (int bits = 2; bits <= 8; bits++)
        {
            var weights = Named(name).Compensate(layer.Problem(bits)).Weights;
            Assert.AreEqual((bits, LayerCase.Rows, LayerCase.Columns), (weights.Bits, weights.Rows, weights.Columns));
            Assert.IsTrue(weights.Codes.All(c => c >= -(1 << (bits - 1)) && c < 1 << (bits - 1)), $"{bits} bits");
            Assert.IsTrue(weights.Scales.All(s => s > 0 && float.IsFinite(s)), $"{bits} bits");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Compensate_InputsThatWereAlwaysZero_RoundsToNearest(string name)
    {
        var problem = new LayerCase().Problem(4) with { Moments = new LayerMoments(LayerCase.Rows, LayerCase.Columns) };
        var result = Named(name).Compensate(problem);
        CollectionAssert.AreEqual(WeightQuantizer.Mse.Quantize(problem.Weight, LayerCase.Rows, 4).Codes, result.Weights.Codes);
        CollectionAssert.AreEqual(problem.Bias, result.Bias);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Compensate_AConstantChannelAndARowOfZeros_StaysFinite(string name)
    {
        var layer = new LayerCase();
        Array.Clear(layer.Weight, 0, LayerCase.Columns);
        for (int i = 0; i <= LayerCase.Columns; i++)
            layer.Moments.Gram[5 * (LayerCase.Columns + 1) + i] = layer.Moments.Gram[i * (LayerCase.Columns + 1) + 5] = 0;
        var result = Named(name).Compensate(layer.Problem(3));
        Assert.IsTrue(result.Weights.Dequantize().All(float.IsFinite) && result.Bias!.All(float.IsFinite));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Compensate_ALayerWithoutBias_GivesItNone(string name) =>
        Assert.IsNull(Named(name).Compensate(new LayerCase().Problem(4, withBias: false)).Bias);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Compensate_WeightsOfAnotherLayer_IsRefused(string name) =>
        Assert.ThrowsExactly<ArgumentException>(() => Named(name).Compensate(new LayerCase().Problem(4) with { Weight = new float[7] }));

    [TestMethod]
    [DataRow("bias-correction", 0.95)]
    [DataRow("gptq", 0.5)]
    [DataRow("erq", 0.5)]
    [DataRow("ridge-gptq", 0.35)]
    public void Compensate_CorrelatedInputs_LeavesAFractionOfTheErrorOfNearestRounding(string name, double fraction)
    {
        foreach (int bits in new[] { 3, 4 })
        {
            double nearest = 0, compensated = 0;
            for (int seed = 0; seed < 5; seed++)
            {
                var layer = new LayerCase(seed);
                nearest += layer.Error(ErrorCompensation.None.Compensate(layer.Problem(bits)));
                compensated += layer.Error(Named(name).Compensate(layer.Problem(bits)));
            }
            Assert.IsTrue(compensated < fraction * nearest, $"{bits} bits: {compensated} against {nearest}");
        }
    }

    [TestMethod]
    public void BiasCorrection_AnyLayer_LeavesNoMeanErrorAndTheWeightsAlone()
    {
        var layer = new LayerCase(inputNoise: 0.2);
        var result = ErrorCompensation.BiasCorrection.Compensate(layer.Problem(3));
        foreach (double error in layer.MeanError(result))
            Assert.AreEqual(0, error, 1e-4);
        CollectionAssert.AreEqual(ErrorCompensation.None.Compensate(layer.Problem(3)).Weights.Codes, result.Weights.Codes);
    }

    [TestMethod]
    public void Gptq_AnyLayer_KeepsScalesAndBias()
    {
        var problem = new LayerCase().Problem(3);
        var result = ErrorCompensation.Gptq.Compensate(problem);
        CollectionAssert.AreEqual(WeightQuantizer.Mse.Quantize(problem.Weight, LayerCase.Rows, 3).Scales, result.Weights.Scales);
        Assert.AreSame(problem.Bias, result.Bias);
    }

    [TestMethod]
    [DataRow("erq")]
    [DataRow("ridge-gptq")]
    public void Compensate_NoisyInputsAt8Bits_ComesCloseToTheRegressionAndGptqDoesNot(string name)
    {
        // The noise has a mean and lowers what the inputs say, so the float weights are not the best ones for them.
        var layer = new LayerCase(inputNoise: 1);
        double regression = LeastError(layer), kept = layer.Error(layer.Weight, layer.Bias);
        Assert.IsTrue(regression < 0.6 * kept, $"{regression} against {kept}");

        double error = layer.Error(Named(name).Compensate(layer.Problem(8)));
        Assert.IsTrue(error < kept - 0.3 * (kept - regression), $"{error}; regression {regression}, float weights {kept}");
        Assert.IsTrue(layer.Error(ErrorCompensation.Gptq.Compensate(layer.Problem(8))) > 0.9 * kept);
    }

    [TestMethod]
    public void Erq_WithoutItsTakeoverAndFlips_WouldLeaveMore()
    {
        // Rounding the regressed weights to nearest is Aqer alone; what ERQ leaves less is Wqer's.
        double alone = 0, whole = 0;
        for (int seed = 0; seed < 5; seed++)
        {
            var layer = new LayerCase(seed, inputNoise: 0.2);
            var at8 = ErrorCompensation.Erq.Compensate(layer.Problem(8));
            alone += layer.Error(WeightQuantizer.Mse.Quantize(at8.Weights.Dequantize(), LayerCase.Rows, 3).Dequantize(), at8.Bias!);
            whole += layer.Error(ErrorCompensation.Erq.Compensate(layer.Problem(3)));
        }
        Assert.IsTrue(whole < 0.6 * alone, $"{whole} against {alone}");
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(3)]
    public void RidgeGptq_NarrowInputs_FollowsItsSamplesLess(int inputBits)
    {
        double wide = 0, narrow = 0, moved = 0, movedNarrow = 0;
        for (int seed = 0; seed < 5; seed++)
        {
            var layer = new LayerCase(seed);
            // At 8 bits rounding is no part of the distance.
            var problem = layer.Problem(8);
            CompensatedWeights at8 = ErrorCompensation.RidgeGptq.Compensate(problem), at = ErrorCompensation.RidgeGptq.Compensate(problem with { InputBits = inputBits });
            (wide, narrow) = (wide + layer.Error(at8), narrow + layer.Error(at));
            (moved, movedNarrow) = (moved + Moved(at8), movedNarrow + Moved(at));

            double Moved(CompensatedWeights weights) => Math.Sqrt(weights.Weights.Dequantize().Zip(problem.Weight, (a, b) => (a - (double)b) * (a - b)).Sum());
        }
        Assert.IsTrue(movedNarrow < 0.9 * moved, $"{movedNarrow} against {moved}");
        Assert.IsTrue(narrow > wide, $"{narrow} against {wide}");
    }

    [TestMethod]
    public void RidgeGptq_AnyLayer_LeavesLessThanGptq()
    {
        foreach (int bits in new[] { 2, 3, 4 })
        {
            double gptq = 0, ridge = 0;
            for (int seed = 0; seed < 5; seed++)
            {
                var layer = new LayerCase(seed);
                gptq += layer.Error(ErrorCompensation.Gptq.Compensate(layer.Problem(bits)));
                ridge += layer.Error(ErrorCompensation.RidgeGptq.Compensate(layer.Problem(bits)));
            }
            Assert.IsTrue(ridge < 0.8 * gptq, $"{bits} bits: {ridge} against {gptq}");
        }
    }

    [TestMethod]
    public void OutputMse_AChannelOfGreatPower_GetsTheScaleItNeeds()
    {
        // One small weight of a row meets nearly all the power: the scale must serve it, and not the largest one.
        var moments = new LayerMoments(1, 8);
        for (int k = 0; k < 8; k++)
            moments.Gram[k * 10] = k == 5 ? 1000 : 1;
        moments.Gram[^1] = 1;
        float[] weight = [0.11f, -0.23f, 0.31f, 0.17f, -0.05f, 0.29f, -0.13f, 1];
        LayerProblem Problem(WeightQuantizer quantizer) => new() { Weight = weight, Bias = null, Bits = 2, Quantizer = quantizer, Moments = moments };
        float Sixth(WeightQuantizer quantizer) => ErrorCompensation.None.Compensate(Problem(quantizer)).Weights.Dequantize()[5];
        Assert.AreEqual(0.29f, Sixth(WeightQuantizer.OutputMse), 0.02f);
        Assert.AreEqual(0, Sixth(WeightQuantizer.Mse));
    }

    /// <summary>The error of the best weights and bias there are, by the normal equations.</summary>
    static double LeastError(LayerCase layer)
    {
        var x = Matrix<double>.Build.Dense(LayerCase.Tokens, LayerCase.Columns + 1, (t, k) => k == LayerCase.Columns ? 1 : layer.Inputs[t][k]);
        var target = Matrix<double>.Build.Dense(LayerCase.Columns + 1, LayerCase.Rows, (k, n) => layer.Moments.Target[n * (LayerCase.Columns + 1) + k]);
        var best = x.TransposeThisAndMultiply(x).Inverse() * target;
        return layer.Error([.. Enumerable.Range(0, LayerCase.Rows * LayerCase.Columns).Select(i => (float)best[i % LayerCase.Columns, i / LayerCase.Columns])],
            [.. best.Row(LayerCase.Columns).Select(v => (float)v)]);
    }

    static ErrorCompensation Named(string name) => ErrorCompensation.All.Single(c => c.Name == name);
}
