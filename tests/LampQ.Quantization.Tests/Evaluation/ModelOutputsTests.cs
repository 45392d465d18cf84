using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

[TestClass]
public sealed class ModelOutputsTests
{
    [TestMethod]
    public void MeanKl_OfHandMadeScores_IsTheMeanOfTheSums()
    {
        // Softmax (3/4, 1/4) against (1/2, 1/2): ¾·ln(3/2) + ¼·ln(1/2) = 0.130812; the second sample agrees: 0.
        var p = Scores([MathF.Log(3), 0], [5, 1]);
        var q = Scores([7, 7], [105, 101]);
        Assert.AreEqual((.75 * Math.Log(1.5) + .25 * Math.Log(.5)) / 2, p.MeanKl(q), 1e-7);
        // The other way round it is another number: ½·ln(2/3) + ½·ln 2.
        Assert.AreEqual((.5 * Math.Log(2 / 3.0) + .5 * Math.Log(2)) / 2, q.MeanKl(p), 1e-7);
    }

    [TestMethod]
    public void MeanKl_OfItselfAndOfHugeScores_IsZeroAndFinite()
    {
        var huge = Scores([1e4f, -1e4f, 0], [3e38f, 0, 0]);
        Assert.AreEqual(0, huge.MeanKl(huge));
        Assert.AreEqual(2e4, Scores([1e4f, -1e4f]).MeanKl(Scores([-1e4f, 1e4f])), 1e-6);
    }

    [TestMethod]
    public void MeanKl_OfOtherSizes_IsRefused()
    {
        Assert.ThrowsExactly<ArgumentException>(() => Scores([1, 2]).MeanKl(Scores([1, 2], [3, 4])));
        Assert.ThrowsExactly<ArgumentException>(() => Scores([1, 2]).MeanKl(Scores([1, 2, 3])));
    }

    [TestMethod]
    public void Agreement_CountsEqualPredictions_TiesGoToTheFirstClass()
    {
        var a = Scores([1, 2, 0], [4, 4, 1], [0, 0, 3], [1, 0, 0]);
        var b = Scores([0, 9, 8], [5, 1, 1], [3, 0, 0], [2, 2, 2]);
        CollectionAssert.AreEqual(new[] { 1, 0, 2, 0 }, a.Predictions());
        Assert.AreEqual(.75, a.Agreement(b));
    }

    [TestMethod]
    public void TopK_WithTiesAndUnknownLabels_CountsTheKnownOnes()
    {
        var scores = Scores([.1f, .5f, .4f], [.3f, .3f, .3f], [9, 8, 7], [0, 0, 1]);
        int?[] labels = [2, 1, null, 2];
        // Ranks of the labels: 2nd; 2nd, for a tie counts for the earlier class; not known; 1st.
        Assert.AreEqual(1 / 3.0, scores.TopK(labels, 1));
        Assert.AreEqual(1.0, scores.TopK(labels, 2));
        Assert.IsNull(scores.TopK([null, null, null, null], 1));
    }

    [TestMethod]
    public void TopK_ScoresThatAreNotNumbers_AreWrong()
    {
        var scores = Scores([float.NaN, float.NaN, float.NaN], [5, float.NaN, 1], [3, 2, 1]);
        Assert.AreEqual(1 / 3.0, scores.TopK([0, 0, 0], 1));
    }

    [TestMethod]
    public void TopK_OfOne_IsTheShareOfRightPredictions()
    {
        var random = new Random(2);
        // Few distinct scores, so that ties are common.
        var scores = Scores([.. Enumerable.Range(0, 200).Select(_ => Enumerable.Range(0, 6).Select(_ => (float)random.Next(3)).ToArray())]);
        int?[] labels = [.. scores.Scores.Select(_ => (int?)random.Next(6))];
        double right = scores.Predictions().Zip(labels, (p, l) => p == l ? 1.0 : 0).Average();
        Assert.AreEqual(right, scores.TopK(labels, 1)!.Value, 1e-12);
        Assert.AreEqual(1.0, scores.TopK(labels, 6));
    }

    [TestMethod]
    public void Of_BatchesThatDoNotDivideTheSamples_GivesEverySampleItsRow()
    {
        var vit = new TinyVit { DynamicBatch = true };
        var samples = TinyRuns.Samples(vit, 5);
        var model = vit.Build();
        var one = TinyRuns.Outputs(model, samples);
        var three = TinyRuns.Outputs(model, samples, TinyRuns.Settings with { BatchSize = 3 });
        Assert.AreEqual(5, three.Scores.Count);
        Assert.AreEqual(vit.Classes, three.Classes);
        // Other batches may sum in another order: some roundings of 2⁻²⁴.
        Assert.IsTrue(TinyRuns.Difference(one, three) < 1e-5);
    }

    [TestMethod]
    public void Of_AModelThatReturnsImages_IsRefusedNamingTheOutput()
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 3, 2, 2);
        var node = model.Graph.AddNode("Relu", [x], ["picture"]);
        node.Output.Type = ElementType.Float;
        model.Graph.AddOutput(node.Output);
        var samples = SampleSet.FromTensors([3, 2, 2], [new float[12]]);
        using var session = new OnnxSession(model);
        var error = Assert.ThrowsExactly<InvalidDataException>(() => ModelOutputs.Of(session, samples, TinyRuns.Settings));
        StringAssert.Contains(error.Message, "'picture'");
        StringAssert.Contains(error.Message, "[1,3,2,2]");
    }

    static ModelOutputs Scores(params float[][] rows) => new(rows[0].Length, rows);
}
