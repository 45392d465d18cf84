using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Runtime.Tests;

/// <summary>Attentions whose tokens are not the rows of the layers around: the kernel would read and return others.</summary>
[TestClass]
public sealed class TokenAxesTests
{
    [TestMethod]
    public void Apply_QueriesOfTheClassTokenBehindAFusedLayer_LeavesTheAttention()
    {
        var spelling = new TinyVit { Depth = 1, Pool = PoolForm.Mean };
        var model = spelling.Build();
        var attention = Attention(model);
        attention.Scores.SetInput(0, model.Graph.Emit("Slice", [attention.Scores.Input(0)!, Vector(model, 0), Vector(model, 1), Vector(model, 2)]));
        var transpose = attention.Context.Output.OnlyConsumer!;
        transpose.Output.OnlyConsumer!.SetInput(1, Vector(model, 1, 1, spelling.Dim));

        CheckLeft(spelling, model);
    }

    [TestMethod]
    [DataRow(LinearForm.MatMul)]
    [DataRow(LinearForm.Gemm)]
    public void Apply_TokensOnTheFirstAxis_LeavesTheAttention(LinearForm linear)
    {
        var spelling = new TinyVit { Depth = 1, Linear = linear };
        var model = spelling.Build();
        var (graph, attention) = (model.Graph, Attention(model));
        var (qkv, proj) = (attention.Q, attention.Proj!);

        // [B, T, C] → [T, B, C] in front of qkv, [T, B, 3, H, d] → [3, B, H, T, d] behind, and the same way back.
        var (reader, index) = linear == LinearForm.Gemm ? (qkv.Input.Producer!, 0) : (qkv.Node, 0);
        reader.SetInput(index, graph.Emit("Transpose", [reader.Input(index)!], ("perm", new long[] { 1, 0, 2 })));
        var heads = qkv.Output.OnlyConsumer!;
        SwapBatchAndTokens(heads);
        if (linear == LinearForm.Gemm)
            SwapBatchAndTokens(heads = heads.Output.OnlyConsumer!);
        heads.Output.OnlyConsumer!.Set("perm", new long[] { 2, 1, 3, 0, 4 });
        var back = attention.Context.Output.OnlyConsumer!;
        back.Set("perm", new long[] { 2, 0, 1, 3 });
        SwapBatchAndTokens(back.Output.OnlyConsumer!);
        var output = proj.Output;
        if (linear == LinearForm.Gemm)
            SwapBatchAndTokens(output.OnlyConsumer!);
        output = linear == LinearForm.Gemm ? output.OnlyConsumer!.Output : output;
        var residual = output.OnlyConsumer!;
        residual.SetInput(residual.Input(0) == output ? 0 : 1, graph.Emit("Transpose", [output], ("perm", new long[] { 1, 0, 2 })));

        CheckLeft(spelling, model);

        void SwapBatchAndTokens(Node reshape)
        {
            long[] shape = reshape.Input(1)!.Constant!.ToIntegers();
            reshape.SetInput(1, Vector(model, [shape[1], shape[0], .. shape[2..]]));
        }
    }

    static void CheckLeft(TinyVit spelling, Model model)
    {
        model = QdqModels.Prepared(model);
        var qdq = QdqModels.Portable(model, spelling.Images(1, 7));
        var lowering = new Lowering();
        var lowered = lowering.Apply(qdq);
        LoweringTests.CheckSameResults(spelling, model, qdq, lowered);
        Assert.AreEqual("attention", lowering.Report.Left.Single().Operation, lowering.Report.ToString());
    }

    static Attention Attention(Model model)
    {
        ModelFamily.Detect(model, out var structure);
        return structure.Attentions.Single();
    }

    static Value Vector(Model model, params long[] values) => model.Graph.AddInitializer("vector", Tensor.Of(values));
}
