using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

[TestClass]
public class ConstantFoldingTests
{
    [TestMethod]
    [DataRow(SharedModels.DeitTiny, "pixel_values", 3, 224)]
    [DataRow(SharedModels.VitMnist, "image", 1, 28)]
    public void Apply_TransformerWithDynamicBatch_KeepsTheOutputOfBothBatchSizesAndLeavesOnlyTheChainOfTheBatch(string file, string input, int channels, int size)
    {
        var model = SharedModels.Read(file);

        var folded = new ConstantFolding().Apply(model);

        Assert.IsFalse(folded.Graph.Nodes.Any(n => n.Is("Constant", "Identity", "ConstantOfShape", "Equal")), string.Join(", ", folded.Graph.Nodes.Select(n => n.OpType).Distinct()));
        Assert.AreEqual(1, folded.Graph.Nodes.Count(n => n.Is("Shape")));
        using var before = new OnnxSession(model, new OnnxSessionOptions { Optimize = false });
        using var after = new OnnxSession(folded, new OnnxSessionOptions { Optimize = false });
        foreach (int batch in (int[])[1, 2])
        {
            var x = new Dictionary<string, Tensor> { [input] = RandomTensors.Floats(batch, batch, channels, size, size) };
            CollectionAssert.AreEqual(before.Run(x)[0].ToFloats(), after.Run(x)[0].ToFloats());
        }
    }

    [TestMethod]
    public void Apply_TransposedWeight_StoresItTransposedUnderTheSameName()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 2, 3);
        var w = model.Graph.AddInitializer("w", RandomTensors.Floats(1, 4, 3));
        var turned = model.Graph.Emit("Transpose", [w], "w_t", ("perm", new long[] { 1, 0 }));
        model.Graph.AddOutput(model.Graph.Emit("MatMul", [x, turned], "y"));

        var folded = new ConstantFolding().Apply(model);

        Assert.AreEqual("MatMul", string.Join(",", folded.Graph.Nodes.Select(n => n.OpType)));
        Assert.AreEqual("w_t", folded.Graph.Nodes[0].Input(1)!.Name);
        Same(model, folded, RandomTensors.Floats(2, 2, 3));
    }

    static void Same(Model before, Model after, Tensor x)
    {
        using var a = new OnnxSession(before, new OnnxSessionOptions { Optimize = false });
        using var b = new OnnxSession(after, new OnnxSessionOptions { Optimize = false });
        var inputs = new Dictionary<string, Tensor> { ["x"] = x };
        CollectionAssert.AreEqual(a.Run(inputs)[0].ToFloats(), b.Run(inputs)[0].ToFloats());
    }
}
