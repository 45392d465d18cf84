using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Onnx.Tests;

[TestClass]
public sealed class GradientGraphTests
{
    static IReadOnlyDictionary<string, TinyVit> Spellings => new Dictionary<string, TinyVit>
    {
        ["opset 11, decomposed LayerNorm"] = new() { Opset = 11, Depth = 1, Gelu = GeluForm.HalfFirst },
        ["opset 13, separate q, k, v"] = new() { Opset = 13, Depth = 1, Qkv = QkvForm.Separate, Scale = ScaleForm.DivBehind, Gelu = GeluForm.HalfInside },
        ["opset 13, Gemm, tanh GELU"] = new() { Opset = 13, Depth = 1, Linear = LinearForm.GemmTransposed, Gelu = GeluForm.Tanh, Qkv = QkvForm.SplitSqueeze },
        ["opset 17, two blocks"] = new() { Opset = 17, Gelu = GeluForm.HalfLast },
        ["opset 18, mean pooling, sliced q, k, v"] = new() { Opset = 18, Depth = 1, Pool = PoolForm.Mean, Qkv = QkvForm.Slice, Scale = ScaleForm.OnBoth, Norm = NormForm.Decomposed },
        ["opset 20, Gelu, patches by a matrix product"] = new() { Opset = 20, Depth = 1, Gelu = GeluForm.Op, PatchEmbedding = PatchForm.MatMul, Linear = LinearForm.Gemm },
        ["opset 20, Gelu by tanh, distilled"] = new() { Opset = 20, Depth = 1, Gelu = GeluForm.OpTanh, Distilled = true, Qkv = QkvForm.SplitLastAxis, Pool = PoolForm.ClassTokenSlice },
        ["opset 21, weights behind Transpose"] = new() { Opset = 21, Depth = 1, Weights = WeightForm.Transposed, Qkv = QkvForm.HeadsFirst, Scale = ScaleForm.OnQ },
    };

    public static IEnumerable<object[]> SpellingNames => Spellings.Keys.Select(k => new object[] { k });

    [TestMethod]
    [DynamicData(nameof(SpellingNames))]
    public void Build_NllOfATransformer_GivesTheDerivativeOfEveryWeight(string spelling)
    {
        const int Batch = 3;
        var vit = Spellings[spelling] with { DynamicBatch = true };
        var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = Batch }).Apply(vit.Build());
        var inputs = new Dictionary<string, Tensor> { [TinyVit.InputName] = vit.Images(Batch), ["labels"] = Tensor.Of([0, 3, 1L], Batch) };
        foreach (var weight in model.Graph.Initializers.Where(v => v.Initializer is { Type: ElementType.Float, Rank: > 0 }).ToArray())
        {
            inputs[weight.Name] = weight.Initializer!;
            model.Graph.MakeInput(weight);
        }
        string[] wanted = [.. inputs.Keys.Where(name => name != "labels")];
        Assert.IsTrue(wanted.Length > 15, string.Join(", ", wanted));
        GradientCheck.AlongDirections(model, Loss.NegativeLogLikelihood, inputs, wanted, seed: 5);
    }

    [TestMethod]
    public void Build_VitMnist_GivesTheDerivativeOfItsWeights()
    {
        var random = new Random(2);
        var image = Tensor.Of(Enumerable.Range(0, 2 * 784).Select(_ => random.NextSingle() * 2 - 1).ToArray(), 2, 1, 28, 28);
        RealModel(SharedModels.VitMnist, "image", image, every: 5);
    }

    [TestMethod]
    public void Build_PlateReader_GivesTheDerivativeOfItsTransformerWeights()
    {
        var image = new byte[2 * 64 * 128 * 3];
        new Random(2).NextBytes(image);
        // The convolutions are left out: finite differences step over the kinks of Relu and MaxPool behind them.
        RealModel(SharedModels.Plates, "input", Tensor.Of(image, 2, 64, 128, 3), every: 6, skip: 8);
    }

    static void RealModel(string file, string inputName, Tensor input, int every, int skip = 0)
    {
        var model = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [inputName] = [.. input.Shape] }).Apply(SharedModels.Read(file));
        var inputs = new Dictionary<string, Tensor> { [inputName] = input };
        var weights = model.Graph.Nodes.Where(n => n.Is("MatMul", "Gemm", "Conv")).Select(n => n.Input(1)!).Where(v => v.Initializer is not null).Distinct().ToArray();
        foreach (var weight in weights.Skip(skip).Where((_, i) => i % every == 0))
        {
            inputs[weight.Name] = weight.Initializer!;
            model.Graph.MakeInput(weight);
        }
        Assert.IsTrue(inputs.Count > 5);
        GradientCheck.AlongDirections(model, Loss.NegativeLogLikelihoodOfPrediction, inputs, [.. inputs.Keys.Where(k => k != inputName)], seed: 4);
    }

    [TestMethod]
    public void Build_WeightsInConstantNodes_GiveTheGradientsOfInitializers()
    {
        float[] Gradients(WeightForm form)
        {
            var vit = new TinyVit { Opset = 17, Depth = 1, Weights = form, DynamicBatch = true };
            var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = 2 }).Apply(vit.Build());
            // Constant nodes carry no weight names in every spelling; the head's weight is found from its node instead.
            string weight = model.Graph.Find(TinyVit.OutputName)!.Producer is { } last && last.Is("Add") ? last.Inputs.First(i => i!.Producer?.Is("MatMul") ?? false)!.Producer!.Input(1)!.Name : "";
            var gradient = GradientGraph.Build(model, Loss.NegativeLogLikelihoodOfPrediction, [weight]);
            using var session = new OnnxSession(gradient.Model, new() { Threads = 1 });
            return session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = vit.Images(2) }, [gradient.Gradients[weight]])[0].ToFloats();
        }
        CollectionAssert.AreEqual(Gradients(WeightForm.Initializers), Gradients(WeightForm.Constants));
    }

    [TestMethod]
    public void Build_SamplesOfOneBatch_KeepTheGradientsTheyHaveAlone()
    {
        var vit = new TinyVit { DynamicBatch = true, Depth = 1 };
        float[] InputGradient(Tensor images, long[] labels)
        {
            var model = new FixInputShapes(new Dictionary<string, long> { ["batch"] = labels.Length }).Apply(vit.Build());
            var gradient = GradientGraph.Build(model, Loss.NegativeLogLikelihood, [TinyVit.InputName]);
            using var session = new OnnxSession(gradient.Model, new() { Threads = 1 });
            return session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = images, ["labels"] = Tensor.Of(labels, labels.Length) }, [gradient.Gradients[TinyVit.InputName]])[0].ToFloats();
        }
        var both = vit.Images(2);
        float[] together = InputGradient(both, [2, 4]), pixels = both.ToFloats();
        int each = pixels.Length / 2;
        float[] second = InputGradient(Tensor.Of(pixels.AsSpan(each), 1, 3, 8, 8), [4]);
        for (int i = 0; i < each; i++)
            // Sums of at most some hundred terms in another order: 2⁻²⁴ each of the largest.
            Assert.AreEqual(second[i], together[each + i], 1e-5 * second.Max(Math.Abs), $"pixel {i}");
    }

    [TestMethod]
    public void Build_ValuesThatTheGradientDoesNotNeed_AreDropped()
    {
        var vit = new TinyVit { Depth = 2 };
        var model = vit.Build();
        string last = model.Graph.Find(TinyVit.OutputName)!.Producer!.Inputs.Select(i => i!).Single(i => i.Initializer is { Rank: 1 }).Name;
        var gradient = GradientGraph.Build(model, Loss.InnerProduct, [last]);
        var names = gradient.Model.Graph.Nodes.Where(n => n.Name.StartsWith("backward", StringComparison.Ordinal)).Select(n => n.OpType).ToArray();
        // ∂(logits + b)/∂b is the cotangent summed over the batch of one: no product may remain but that of the loss itself.
        Assert.AreEqual(0, names.Count(op => op == "MatMul"), string.Join(", ", names));
        Assert.AreEqual(model.Graph.Outputs[0].Name, TinyVit.OutputName, "the model itself must stay as it was");
        Assert.IsFalse(gradient.Model.Graph.Outputs.Any(o => o.Name == TinyVit.OutputName));
    }

    [TestMethod]
    public void Build_TwoWantedValuesWithOneGradient_ReturnsBoth()
    {
        var model = Model.Create(17);
        Value a = model.Graph.AddInput("a", ElementType.Float, 2), b = model.Graph.AddInput("b", ElementType.Float, 2);
        model.Graph.AddOutput(model.Graph.Emit("Add", [a, b]));
        var gradient = GradientGraph.Build(model, Loss.InnerProduct, ["a", "b"]);
        using var session = new OnnxSession(gradient.Model);
        var fed = new Dictionary<string, Tensor> { ["a"] = Tensor.Of([1f, 2]), ["b"] = Tensor.Of([3f, 4]), ["cotangent"] = Tensor.Of([5f, 6]) };
        foreach (var result in session.Run(fed, [gradient.Gradients["a"], gradient.Gradients["b"]]))
            CollectionAssert.AreEqual(new[] { 5f, 6 }, result.ToFloats());
    }

    [TestMethod]
    public void Build_OperatorWithoutARule_NamesNodeAndWayOut()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 2);
        model.Graph.AddOutput(model.Graph.Emit("Det", [model.Graph.Emit("MatMul", [model.Graph.Emit("Transpose", [x]), x])], "determinant"));
        var e = Assert.ThrowsException<NotSupportedException>(() => GradientGraph.Build(model, Loss.InnerProduct, ["x"], output: Stated(model)));
        StringAssert.Contains(e.Message, "'determinant' (Det)");
        StringAssert.Contains(e.Message, "add a rule");

        static string Stated(Model model)
        {
            var output = model.Graph.Outputs[0];
            (output.Type, output.Shape) = (ElementType.Float, []);
            return output.Name;
        }
    }

    [TestMethod]
    public void Build_WantedValueBehindAnInteger_IsRefusedByName()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 2);
        var y = model.Graph.AddInput("y", ElementType.Float, 2);
        var integers = model.Graph.Emit("Cast", [x], ("to", 7L));
        model.Graph.AddOutput(model.Graph.Emit("Add", [model.Graph.Emit("Cast", [integers], ("to", 1L)), y]));
        var e = Assert.ThrowsException<ArgumentException>(() => GradientGraph.Build(model, Loss.InnerProduct, ["x"]));
        StringAssert.Contains(e.Message, "'x' does not lead to the loss");
    }

    [TestMethod]
    public void Build_OpenBatch_AsksForFixedShapes()
    {
        var e = Assert.ThrowsException<NotSupportedException>(() => GradientGraph.Build(new TinyVit { DynamicBatch = true }.Build(), Loss.NegativeLogLikelihood, [TinyVit.InputName]));
        StringAssert.Contains(e.Message, "[batch,5]");
        StringAssert.Contains(e.Message, "FixInputShapes");
    }

    [TestMethod]
    public void Build_UnknownName_IsRefused() =>
        StringAssert.Contains(Assert.ThrowsException<ArgumentException>(() => GradientGraph.Build(new TinyVit().Build(), Loss.InnerProduct, ["nothing"])).Message, "'nothing'");

    [TestMethod]
    public void Build_OpsetBelow11_IsRefused()
    {
        var model = new TinyVit().Build();
        model.Opset = 9;
        StringAssert.Contains(Assert.ThrowsException<NotSupportedException>(() => GradientGraph.Build(model, Loss.InnerProduct, [TinyVit.InputName])).Message, "opset 9");
    }
}
