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

    public static IEnumerable<object[]> Foldable => Computations().Select(c => new object[] { c.Name });

    static IEnumerable<(string Name, Func<Graph, Value> Compute)> Computations()
    {
        static Value F(Graph g, params long[] shape) => g.AddInitializer("f", RandomTensors.Floats(g.Values.Count(), shape));
        static Value I(Graph g, params long[] values) => g.AddInitializer("i", Tensor.Of(values, values.Length));
        yield return ("Transpose", g => g.Emit("Transpose", [F(g, 2, 3, 4)], ("perm", new long[] { 1, 2, 0 })));
        yield return ("Transpose, default", g => g.Emit("Transpose", [F(g, 2, 3, 4)]));
        yield return ("Reshape", g => g.Emit("Reshape", [F(g, 2, 3, 4), I(g, 0, -1)]));
        yield return ("Squeeze", g => g.Emit("Squeeze", [F(g, 1, 3, 1), I(g, 0)]));
        yield return ("Unsqueeze", g => g.Emit("Unsqueeze", [F(g, 3), I(g, 1)]));
        yield return ("Flatten", g => g.Emit("Flatten", [F(g, 2, 3, 4)], ("axis", 2)));
        yield return ("Expand", g => g.Emit("Expand", [F(g, 3, 1), I(g, 2, 1, 4)]));
        yield return ("Slice", g => g.Emit("Slice", [F(g, 4, 6), I(g, 3, -5), I(g, -100, 5), I(g, 0, 1), I(g, -2, 2)]));
        yield return ("Gather", g => g.Emit("Gather", [F(g, 2, 5, 3), g.AddInitializer("at", Tensor.Of([4L, -5, 2, 2], 2, 2))], ("axis", 1)));
        yield return ("Concat", g => g.Emit("Concat", [F(g, 2, 1, 3), F(g, 2, 2, 3)], ("axis", 1)));
        foreach (string op in new[] { "Add", "Sub", "Mul", "Div" })
            yield return (op, g => g.Emit(op, [F(g, 2, 1, 3), F(g, 4, 1)]));
        yield return ("Neg", g => g.Emit("Neg", [F(g, 7)]));
        yield return ("Abs", g => g.Emit("Abs", [F(g, 7)]));
        yield return ("Reciprocal", g => g.Emit("Reciprocal", [F(g, 7)]));
        yield return ("Sqrt", g => g.Emit("Sqrt", [g.Emit("Mul", [F(g, 50), g.Emit("Abs", [F(g, 50)])])]));
        yield return ("Cast", g => g.Emit("Cast", [g.Emit("Cast", [g.Emit("Mul", [F(g, 9), F(g, 9)])], ("to", 10))], ("to", 1)));
        yield return ("Cast to integers", g => g.Emit("Cast", [g.Emit("Cast", [g.Emit("Mul", [F(g, 9), g.AddInitializer("ten", Tensor.Scalar(10f))])], ("to", 7))], ("to", 1)));
        yield return ("Where", g => g.Emit("Where", [g.AddInitializer("c", Tensor.OfBytes(ElementType.Bool, new byte[] { 1, 0 }, 2, 1)), F(g, 3), F(g, 2, 3)]));
        yield return ("integers", g => g.Emit("Cast", [g.Emit("Sub", [g.Emit("Mul", [I(g, 2, -3), I(g, 5, 7)]), I(g, 1)])], ("to", 1)));
        yield return ("integer division and remainder", g => g.Emit("Cast", [g.Emit("Add", [g.Emit("Div", [I(g, 7, -7), I(g, 2)]), g.Emit("Mod", [I(g, 7, -7), I(g, 3)])])], ("to", 1)));
        yield return ("root of a size", g => g.Emit("Cast", [g.Emit("Floor", [g.Emit("Sqrt", [g.Emit("Cast", [I(g, 197)], ("to", 1))])])], ("to", 1)));
        yield return ("range and comparison", g => g.Emit("Cast", [g.Emit("Less", [g.Emit("Range", [g.AddInitializer("a", Tensor.Scalar(0L)), g.AddInitializer("b", Tensor.Scalar(9L)), g.AddInitializer("c", Tensor.Scalar(2L))]), I(g, 5)])], ("to", 1)));
        yield return ("Constant, all spellings", g => g.Emit("Add", [
            g.Emit("Constant", [], ("value_float", 1.5f)),
            g.Emit("Mul", [g.Emit("Constant", [], ("value_floats", new[] { 1f, 2 })), g.Emit("Constant", [], ("value", Tensor.Of([3f])))])]));
    }

    [TestMethod]
    [DynamicData(nameof(Foldable))]
    public void Apply_ConstantComputation_BecomesOneInitializerBitEqualToOnnxRuntimesResult(string name)
    {
        var model = Model.Create(17);
        var computed = Computations().Single(c => c.Name == name).Compute(model.Graph);
        var x = model.Graph.AddInput("x", ElementType.Float);
        // Multiplied by one: the result itself, behind an operator that cannot be folded.
        model.Graph.AddOutput(model.Graph.Emit("Mul", [x, computed], "y"));

        var folded = new ConstantFolding().Apply(model);

        Assert.AreEqual("Mul", string.Join(",", folded.Graph.Nodes.Select(n => n.OpType)));
        Assert.AreEqual("y: Float[" + string.Join(",", folded.Graph.Nodes[0].Input(1)!.Initializer!.Shape) + "]", folded.Graph.Outputs[0].ToString());
        Same(model, folded, Tensor.Scalar(1f));
    }

    [TestMethod]
    public void Apply_ResultFarLargerThanItsInputs_StaysComputed()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1);
        var large = model.Graph.Emit("Expand", [model.Graph.AddInitializer("one", Tensor.Of([1f])), model.Graph.AddInitializer("to", Tensor.Of([1000L, 1000]))]);
        model.Graph.AddOutput(model.Graph.Emit("Mul", [x, large], "y"));

        Assert.IsTrue(new ConstantFolding().Apply(model).Graph.Nodes.Any(n => n.Is("Expand")));
        Assert.IsFalse(new ConstantFolding { MaximumGrowthInBytes = 4_000_000 }.Apply(model).Graph.Nodes.Any(n => n.Is("Expand")));
    }

    [TestMethod]
    public void Apply_DequantizedWeight_StaysDequantizedInTheGraph()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 2);
        var w = model.Graph.Emit("DequantizeLinear", [model.Graph.AddInitializer("q", Tensor.Of(new sbyte[] { 1, 2, 3, 4 }, 2, 2)), model.Graph.AddInitializer("s", Tensor.Scalar(0.5f))]);
        model.Graph.AddOutput(model.Graph.Emit("MatMul", [x, w], "y"));

        Assert.IsTrue(new ConstantFolding().Apply(model).Graph.Nodes.Any(n => n.Is("DequantizeLinear")));
    }

    [TestMethod]
    public void Apply_IdentityDropoutAndIdleCast_Disappear()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 2, 3);
        var same = model.Graph.Emit("Cast", [model.Graph.Emit("Dropout", [model.Graph.Emit("Identity", [x])])], ("to", 1));
        model.Graph.AddOutput(model.Graph.Emit("Relu", [same], "y"));

        var folded = new ConstantFolding().Apply(model);

        Assert.AreEqual("Relu", string.Join(",", folded.Graph.Nodes.Select(n => n.OpType)));
        Same(model, folded, RandomTensors.Floats(1, 2, 3));
    }

    [TestMethod]
    public void Apply_IdentityThatIsAnOutput_KeepsTheOutputsName()
    {
        var model = Model.Create(17);
        model.Graph.AddOutput(model.Graph.Emit("Identity", [model.Graph.AddInput("x", ElementType.Float, 2)], "y"));

        Assert.AreEqual("y", new ConstantFolding().Apply(model).Graph.Outputs.Single().Name);
    }

    [TestMethod]
    public void Apply_WithSymbols_LeavesNoShapeAtAll()
    {
        var folded = new ConstantFolding(new Dictionary<string, long> { ["batch"] = 2 }).Apply(SharedModels.Read(SharedModels.DeitTiny));

        Assert.IsFalse(folded.Graph.Nodes.Any(n => n.Is("Shape", "Gather", "Concat", "Expand") && n.Output.Type == ElementType.Int64));
        Assert.AreEqual("logits: Float[2,1000]", folded.Graph.Outputs[0].ToString());
        Assert.AreEqual("pixel_values: Float[2,3,224,224]", folded.Graph.Inputs[0].ToString());
    }

    [TestMethod]
    public void Apply_Detector_KeepsItsBoxes()
    {
        var model = SharedModels.Read(SharedModels.Detector);
        using var before = new OnnxSession(model, new OnnxSessionOptions { Optimize = false });
        using var after = new OnnxSession(new ConstantFolding().Apply(model), new OnnxSessionOptions { Optimize = false });
        var inputs = new Dictionary<string, Tensor> { ["images"] = RandomTensors.Floats(1, 2, 3, 320, 320), ["orig_target_sizes"] = Tensor.Of([640L, 480, 100, 200], 2, 2) };

        foreach (string name in before.OutputNames)
            CollectionAssert.AreEqual(before.Run(inputs, [name])[0].Bytes.ToArray(), after.Run(inputs, [name])[0].Bytes.ToArray(), name);
    }

    [TestMethod]
    public void FixInputShapes_Batch_FixesEveryShapeThatFollows()
    {
        var model = SharedModels.Read(SharedModels.VitMnist);

        var fixedModel = new FixInputShapes(new Dictionary<string, long> { ["batch"] = 8 }).Apply(model);

        Assert.IsTrue(fixedModel.Graph.Values.All(v => v.Shape!.All(d => d.Size is not null)));
        Assert.AreEqual("logits: Float[8,10]", fixedModel.Graph.Outputs[0].ToString());
        Assert.AreEqual("batch", model.Graph.Inputs[0].Shape![0].Symbol);
    }

    static void Same(Model before, Model after, Tensor x)
    {
        using var a = new OnnxSession(before, new OnnxSessionOptions { Optimize = false });
        using var b = new OnnxSession(after, new OnnxSessionOptions { Optimize = false });
        var inputs = new Dictionary<string, Tensor> { ["x"] = x };
        CollectionAssert.AreEqual(a.Run(inputs)[0].ToFloats(), b.Run(inputs)[0].ToFloats());
    }
}
