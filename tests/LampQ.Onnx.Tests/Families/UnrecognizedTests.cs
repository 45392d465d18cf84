using LampQ.Testing;

namespace LampQ.Onnx.Tests;

/// <summary>What does not fit is named with its reason, and its linear layers are still found.</summary>
[TestClass]
public class UnrecognizedTests
{
    readonly Model model = Model.Create(17);

    Graph G => model.Graph;

    [TestMethod]
    public void Analyze_WeightOfRank3_IsNamedWithReason()
    {
        G.AddOutput(G.Emit("MatMul", [Tokens(), W(2, 8, 8)]));

        var structure = ModelFamily.Generic.Analyze(model);

        Assert.AreEqual(0, structure.Layers.Count);
        Assert.AreEqual(("MatMul", "MatMul"), (structure.Unrecognized.Single().Name, structure.Unrecognized[0].Op));
        StringAssert.Contains(structure.Unrecognized[0].Reason, "rank 3");
    }

    [TestMethod]
    public void Analyze_WeightComputedFromConstants_AsksForFolding()
    {
        G.AddOutput(G.Emit("MatMul", [Tokens(), G.Emit("Tanh", [W(8, 8)])]));

        StringAssert.Contains(ModelFamily.Generic.Analyze(model).Unrecognized.Single().Reason, "Fold constants first");
    }

    [TestMethod]
    public void Analyze_ConvolutionWithPadding_StaysFloat()
    {
        var image = G.AddInput("x", ElementType.Float, 1, 3, 8, 8);
        G.AddOutput(G.Emit("Conv", [image, W(4, 3, 3, 3)], ("pads", new long[] { 1, 1, 1, 1 })));

        StringAssert.Contains(ModelFamily.Generic.Analyze(model).Unrecognized.Single().Reason, "no patch embedding");
    }

    [TestMethod]
    [DataRow("Relu", true, "fc1 fc2 head")]
    [DataRow("Relu", false, "linear linear head")]
    [DataRow("Silu", true, "fc1 fc2 head")]
    [DataRow("Silu", false, "linear linear head")]
    [DataRow("Gelu", false, "fc1 fc2 head")]
    public void Analyze_MlpWithOtherActivation_CountsOnlyInAResidualBranch(string activation, bool residual, string expected)
    {
        var x = G.Emit("Tanh", [Tokens()]);
        var hidden = Linear(x, 16, 8);
        hidden = activation switch
        {
            "Silu" => G.Emit("Mul", [hidden, G.Emit("Sigmoid", [hidden])]),
            "Gelu" => G.Emit("Mul", [hidden, G.Emit("Erf", [hidden])]),
            _ => G.Emit(activation, [hidden]),
        };
        var y = Linear(hidden, 8, 16);
        G.AddOutput(Linear(G.Emit("Tanh", [residual ? G.Emit("Add", [x, y]) : y]), 5, 8));

        Assert.AreEqual(expected, Types());
    }

    [TestMethod]
    public void Analyze_SwiGlu_CallsGateAndValueFc1()
    {
        var x = G.Emit("Tanh", [Tokens()]);
        var gate = Linear(x, 16, 8);
        var gated = G.Emit("Mul", [G.Emit("Mul", [gate, G.Emit("Sigmoid", [gate])]), Linear(x, 16, 8)]);
        G.AddOutput(Linear(G.Emit("Tanh", [G.Emit("Add", [x, Linear(gated, 8, 16)])]), 5, 8));

        Assert.AreEqual("fc1 fc1 fc2 head", Types());
    }

    [TestMethod]
    public void Analyze_ClassifierWithGelu_EndsInHead()
    {
        var hidden = Linear(G.Emit("ReduceMax", [Tokens()], ("axes", new long[] { 1 }), ("keepdims", 0)), 16, 8);
        G.AddOutput(Linear(G.Emit("Mul", [hidden, G.Emit("Erf", [hidden])]), 5, 16));

        Assert.AreEqual("linear head", Types());
        StringAssert.Contains(ModelFamily.Generic.Analyze(model).Unrecognized.Single().Reason, "no second layer of an MLP");
    }

    [TestMethod]
    public void Analyze_SharedWeight_FindsBothLayersInOneGroupAndSaysSo()
    {
        var weight = W(8, 8);
        var x = G.Emit("Tanh", [G.Emit("MatMul", [G.Emit("Tanh", [Tokens()]), weight])]);
        G.AddOutput(G.Emit("MatMul", [x, weight]));

        var structure = ModelFamily.Generic.Analyze(model);

        Assert.AreEqual(2, structure.Layers.Count);
        Assert.AreEqual(structure.Layers[0].Group, structure.Layers[1].Group);
        Assert.AreNotEqual(structure.Layers[0].Name, structure.Layers[1].Name);
        Assert.IsTrue(structure.Unrecognized.Any(u => u.Reason.StartsWith("It shares its weight with", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Analyze_WeightOnTheLeft_IsALayerWithRowsPerOutput()
    {
        // Token mixing: W[7,4]·x[1,4,8] mixes the four tokens.
        G.AddOutput(G.Emit("Relu", [G.Emit("MatMul", [W(7, 4), G.Emit("Tanh", [Tokens()])])]));

        var layer = ModelFamily.Generic.FindLayers(model).Single();

        Assert.AreEqual((0, true, 7, 4), (layer.WeightIndex, layer.IsRowPerOutput, layer.OutputChannels, layer.InputChannels));
    }

    [TestMethod]
    public void Analyze_GemmWithAlpha_IsNamedWithReason()
    {
        var x = G.AddInput("x", ElementType.Float, 4, 8);
        G.AddOutput(G.Emit("Gemm", [x, W(8, 8)], ("alpha", 2f)));

        StringAssert.Contains(ModelFamily.Generic.Analyze(model).Unrecognized.Single().Reason, "alpha or beta");
    }

    [TestMethod]
    public void Analyze_NormOnQueries_KeepsTypesButNotTheAttention()
    {
        var vit = new TinyVit { Depth = 1, Qkv = QkvForm.Separate }.Build();
        var scores = Attention(vit).Scores;
        scores.SetInput(0, vit.Graph.Emit("LayerNormalization", [scores.Input(0), vit.Graph.AddInitializer("g", Tensor.Of(new float[8]))]));

        AssertFloatAttention(vit, "not only the output");
    }

    [TestMethod]
    public void Analyze_ValuesUsedElsewhere_KeepsTypesButNotTheAttention()
    {
        var vit = new TinyVit { Depth = 1, Qkv = QkvForm.Separate }.Build();
        vit.Graph.AddOutput(vit.Graph.Emit("Relu", [Attention(vit).V.Output]));

        AssertFloatAttention(vit, "also used by");
    }

    [TestMethod]
    public void Analyze_MapTransposedBeforeValues_KeepsTypesButNotTheAttention()
    {
        var vit = new TinyVit { Depth = 1, Qkv = QkvForm.Separate }.Build();
        var context = Attention(vit).Context;
        context.SetInput(0, vit.Graph.Emit("Transpose", [context.Input(0)], ("perm", new long[] { 0, 1, 3, 2 })));

        AssertFloatAttention(vit, "moved, scaled or transposed");
    }

    [TestMethod]
    public void Analyze_ShapeKnownOnlyAtRunTime_FindsLayersAndAsksForTheSize()
    {
        var vit = new TinyVit { Depth = 1, Qkv = QkvForm.Separate }.Build();
        var reshape = Attention(vit).Scores.Input(0)!.Producer!.Input(0)!.Producer!;
        reshape.SetInput(1, vit.Graph.AddInput("shape", ElementType.Int64, 4));

        AssertFloatAttention(vit, "Give the input a fixed size");
    }

    [TestMethod]
    [DataRow(4, 4, 1), DataRow(1, 4, 0), DataRow(4, 1, 0), DataRow(1, 1, 0)]
    public void Analyze_NormWithOneNumberForAllChannels_IsNoNormWithVectors(int gammas, int betas, int normsWithBeta)
    {
        var x = G.Emit("Tanh", [G.AddInput("x", ElementType.Float, 1, 5, 4)]);
        var centred = G.Emit("Sub", [x, Mean(x)]);
        var deviation = G.Emit("Sqrt", [G.Emit("Add", [Mean(G.Emit("Mul", [centred, centred])), G.AddInitializer("epsilon", Tensor.Scalar(1e-5f))])]);
        var scaled = G.Emit("Mul", [G.Emit("Div", [centred, deviation]), W(gammas)]);
        G.AddOutput(G.Emit("Add", [scaled, W(betas)]));

        var structure = ModelFamily.Generic.Analyze(model);

        // A β of one number is added behind a norm without β.
        Assert.AreEqual(gammas == 4 ? 1 : 0, structure.Norms.Count);
        Assert.AreEqual(normsWithBeta, structure.Norms.Count(n => n.Beta is not null));

        Value Mean(Value of) => G.Emit("ReduceMean", [of], ("axes", new long[] { -1 }));
    }

    static Attention Attention(Model vit) => ModelFamily.VisionTransformer.Analyze(vit).Attentions.Single();

    static void AssertFloatAttention(Model vit, string reason)
    {
        var structure = ModelFamily.VisionTransformer.Analyze(vit);

        Assert.AreEqual(0, structure.Attentions.Count);
        Assert.AreEqual("patch-embedding q k v proj fc1 fc2 head", string.Join(" ", structure.Layers.Select(l => l.Type.Word())));
        StringAssert.Contains(structure.Unrecognized.Single().Reason, reason);
    }

    string Types() => string.Join(" ", ModelFamily.Generic.FindLayers(model).Select(l => l.Type.Word()));

    Value Tokens() => G.AddInput("x", ElementType.Float, 1, 4, 8);

    Value Linear(Value x, int outputs, int inputs) => G.Emit("Add", [G.Emit("MatMul", [x, W(inputs, outputs)]), W(outputs)]);

    Value W(params long[] shape) => G.AddInitializer("w", Tensor.Of(new float[shape.Aggregate(1L, (a, b) => a * b)], shape));
}
