using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Onnx.Tests;

/// <summary>The rule set "relevance": worked examples, and nothing is lost on the way through a whole model.</summary>
[TestClass]
public sealed class RelevanceTests
{
    static IReadOnlyDictionary<string, TinyVit> Spellings => new Dictionary<string, TinyVit>
    {
        ["fused qkv"] = new(),
        ["separate q, k, v"] = new() { Qkv = QkvForm.Separate },
        ["decomposed norm"] = new() { Opset = 18, Norm = NormForm.Decomposed },
        ["opset 13"] = new() { Opset = 13 },
        ["Gemm"] = new() { Linear = LinearForm.Gemm },
        ["transposed Gemm"] = new() { Linear = LinearForm.GemmTransposed },
        ["scale by Div"] = new() { Scale = ScaleForm.DivBehind },
        ["mean pool"] = new() { Pool = PoolForm.Mean },
    };

    public static IEnumerable<object[]> Cases => Spellings.Keys.Select(s => new object[] { s });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Relevance_AtEveryPlaceAllOfTheModelPasses_IsOneInTotal(string spelling)
    {
        var (model, image) = Case(spelling);
        var structure = ModelFamily.Detect(model).Analyze(model);
        string[] residual = [.. structure.Norms.Select(n => n.Input.Name).Distinct()];
        Assert.AreEqual(5, residual.Length, "two norms a block and the last one");

        var relevance = GradientGraph.Build(model, Loss.ClassScore, residual, BackwardRules.Relevance);
        using var session = new OnnxSession(relevance.Model);
        var found = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = image, ["labels"] = Tensor.Of([2L]) }, [.. residual.Select(r => relevance.Gradients[r])]);

        for (int i = 0; i < residual.Length; i++)
            // Shares of products of both signs are differences of larger numbers, so some digits of float are lost.
            Assert.AreEqual(1, found[i].ToFloats().Sum(v => (double)v), 1e-3, residual[i]);
    }

    [TestMethod]
    public void RelevanceProduct_OfALayer_SharesByTheTermsThatArePositive()
    {
        // x = (1, −2), w = [[1, −1], [−3, 2]]: terms of output 0: 1, 6; of output 1: −1, −4, so it has no positive term and its relevance is lost.
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 2);
        model.Graph.AddOutput(model.Graph.Emit("MatMul", [x, model.Graph.AddInitializer("w", Tensor.Of([1f, -1, -3, 2], 2, 2))]));
        CollectionAssert.AreEqual(new[] { 1f / 7, 6f / 7 }, Relevance(model, [("x", Tensor.Of([1f, -2], 1, 2))], [1, 0])[0], Near);
        CollectionAssert.AreEqual(new[] { 0f, 0 }, Relevance(model, [("x", Tensor.Of([1f, -2], 1, 2))], [0, 1])[0], Near);
    }

    [TestMethod]
    public void RelevanceProduct_OfTwoActivations_GivesEachHalf()
    {
        // a·b = 1·3 + 2·4 = 11; a gets ½·(3, 8)/11, b the same.
        var model = Model.Create(17);
        var (a, b) = (model.Graph.AddInput("a", ElementType.Float, 1, 2), model.Graph.AddInput("b", ElementType.Float, 2, 1));
        model.Graph.AddOutput(model.Graph.Emit("MatMul", [a, b]));
        var found = Relevance(model, [("a", Tensor.Of([1f, 2], 1, 2)), ("b", Tensor.Of([3f, 4], 2, 1))], [1]);
        CollectionAssert.AreEqual(new[] { 1.5f / 11, 4f / 11 }, found[0], Near);
        CollectionAssert.AreEqual(new[] { 1.5f / 11, 4f / 11 }, found[1], Near);
    }

    [TestMethod]
    public void RelevanceSum_OfTwoActivations_SharesTheTotalBySizes()
    {
        // a/(a + b)·R = (3/4·1, −1·2) = (.75, −2), sum −1.25; b/(a + b)·R = (.25, 4), sum 4.25. Sizes 1.25 : 4.25 of the total 3: .6818 and 2.3182.
        var model = Model.Create(17);
        var (a, b) = (model.Graph.AddInput("a", ElementType.Float, 1, 2), model.Graph.AddInput("b", ElementType.Float, 1, 2));
        model.Graph.AddOutput(model.Graph.Emit("Add", [a, b]));
        var found = Relevance(model, [("a", Tensor.Of([3f, -1], 1, 2)), ("b", Tensor.Of([1f, 2], 1, 2))], [1, 2]);
        float first = 3 * 1.25f / 5.5f, second = 3 * 4.25f / 5.5f;
        CollectionAssert.AreEqual(new[] { .75f / -1.25f * first, 2 / 1.25f * first }, found[0], Near);
        CollectionAssert.AreEqual(new[] { .25f / 4.25f * second, 4 / 4.25f * second }, found[1], Near);
    }

    [TestMethod]
    public void RelevanceSum_WithABias_GivesItNothing()
    {
        var model = Model.Create(17);
        var a = model.Graph.AddInput("a", ElementType.Float, 1, 2);
        model.Graph.AddOutput(model.Graph.Emit("Add", [a, model.Graph.AddInitializer("b", Tensor.Of([5f, -7]))]));
        CollectionAssert.AreEqual(new[] { 1f, 2 }, Relevance(model, [("a", Tensor.Of([3f, -1], 1, 2))], [1, 2])[0], Near);
    }

    [TestMethod]
    public void RelevanceGraph_OfEveryLayer_IsTheMeanOfThePositivePartOfGradientTimesRelevance()
    {
        var (model, image) = Case("fused qkv");
        var layers = ModelFamily.Detect(model).FindLayers(model);
        string[] names = [.. layers.Select(l => l.Output.Name)];
        var inputs = new Dictionary<string, Tensor> { [TinyVit.InputName] = image, ["labels"] = Tensor.Of([1L]) };
        float[][] Backward(BackwardRules rules)
        {
            var graph = GradientGraph.Build(model, Loss.ClassScore, [.. names.SkipLast(1)], rules);
            using var session = new OnnxSession(graph.Model);
            return [.. session.Run(inputs, [.. names.SkipLast(1).Select(n => graph.Gradients[n])]).Select(t => t.ToFloats())];
        }
        var (gradients, relevances) = (Backward(BackwardRules.Gradients), Backward(BackwardRules.Relevance));

        var contributions = RelevanceGraph.Build(model, layers);
        using var session = new OnnxSession(contributions.Model);
        var found = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = image, [contributions.Labels] = Tensor.Of([1L]) }, [.. contributions.Contributions]);

        for (int i = 0; i < layers.Count - 1; i++)
        {
            double expected = gradients[i].Zip(relevances[i], (g, r) => Math.Max(0, g * (double)r)).Average();
            Assert.IsTrue(expected > 0, layers[i].Name);
            Assert.AreEqual(expected, found[i].ToFloats()[0], 1e-3 * expected, layers[i].Name);
        }
        // The head's output is the score itself: one class of five has gradient and relevance 1.
        Assert.AreEqual(.2, found[^1].ToFloats()[0], 1e-6);
    }

    static System.Collections.IComparer Near => Comparer<float>.Create((a, b) => Math.Abs(a - b) < 1e-6 ? 0 : a.CompareTo(b));

    static float[][] Relevance(Model model, (string Name, Tensor Value)[] inputs, float[] arriving)
    {
        GradientCheck.StateShapes(model, inputs.ToDictionary(i => i.Name, i => i.Value));
        var relevance = GradientGraph.Build(model, Loss.InnerProduct, [.. inputs.Select(i => i.Name)], BackwardRules.Relevance);
        using var session = new OnnxSession(relevance.Model);
        var fed = inputs.Where(i => relevance.Model.Graph.Inputs.Any(v => v.Name == i.Name)).ToDictionary(i => i.Name, i => i.Value);
        fed["cotangent"] = Tensor.Of(arriving, 1, arriving.Length);
        return [.. session.Run(fed, [.. inputs.Select(i => relevance.Gradients[i.Name])]).Select(t => t.ToFloats())];
    }

    static (Model Model, Tensor Image) Case(string spelling)
    {
        var vit = Spellings[spelling];
        var model = new ConstantFolding().Apply(vit.Build());
        ShapeInference.Infer(model);
        return (model, vit.Images(1, 3));
    }
}
