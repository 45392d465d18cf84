namespace LampQ.Onnx.Tests;

[TestClass]
public class ShapeInferenceTests
{
    readonly Model model = Model.Create(17);

    Graph Graph => model.Graph;

    [TestMethod]
    public void Infer_ReshapeToAComputedShape_FollowsTheValuesThroughTheChain()
    {
        // x.reshape(x.shape[0], x.shape[1], 3, x.shape[2] // 3), as torch exports it.
        var x = Graph.AddInput("x", ElementType.Float, "batch", 197, 576);
        Value Part(long index, Func<Value, Value>? then = null)
        {
            var one = Graph.Emit("Gather", [Graph.Emit("Shape", [x]), Graph.AddInitializer("i", Tensor.Scalar(index))]);
            return Graph.Emit("Unsqueeze", [then?.Invoke(one) ?? one, Graph.AddInitializer("axes", Tensor.Of([0L]))]);
        }
        var target = Graph.Emit("Concat", [Part(0), Part(1), Graph.AddInitializer("three", Tensor.Of([3L])), Part(2, d => Graph.Emit("Div", [d, Graph.AddInitializer("by", Tensor.Scalar(3L))]))], ("axis", 0));
        Graph.AddOutput(Graph.Emit("Reshape", [x, target], "y"));

        ShapeInference.Infer(model);

        Assert.AreEqual("y: Float[batch,197,3,192]", Graph.Outputs[0].ToString());
    }

    [TestMethod]
    public void Infer_PatchCountFromAnImageOfNamedSize_StaysComparable()
    {
        var x = Graph.AddInput("x", ElementType.Float, "n", 3, "h", "w");
        var patches = Graph.Emit("Conv", [x, Graph.AddInitializer("k", RandomTensors.Floats(1, 8, 3, 4, 4))], ("strides", new long[] { 4, 4 }));
        var tokens = Graph.Emit("Reshape", [patches, Graph.AddInitializer("t", Tensor.Of([0L, 8, -1]))]);
        Graph.AddOutput(Graph.Emit("Concat", [tokens, Graph.AddInitializer("cls", RandomTensors.Floats(2, 1, 8, 1))], "y", ("axis", 2)));

        ShapeInference.Infer(model);

        Assert.AreEqual(3, Graph.Outputs[0].Shape!.Count);
        Assert.AreEqual((Dimension)8, Graph.Outputs[0].Shape![1]);
        StringAssert.EndsWith(Graph.Outputs[0].Shape![2].Symbol, "+1)");
    }

    [TestMethod]
    public void Infer_Symbols_PutsSizesInPlaceOfNames()
    {
        var x = Graph.AddInput("x", ElementType.Float, "n", 4);
        Graph.AddOutput(Graph.Emit("Relu", [x], "y"));
        ShapeInference.Infer(model);
        Assert.AreEqual("y: Float[n,4]", Graph.Outputs[0].ToString());

        ShapeInference.Infer(model, symbols: new Dictionary<string, long> { ["n"] = 8 });

        Assert.AreEqual("y: Float[8,4]", Graph.Outputs[0].ToString());
    }

    [TestMethod]
    public void Infer_InputShapes_OverruleWhatTheFileSaysOfInnerValues()
    {
        var x = Graph.AddInput("x", ElementType.Float, 1, 4);
        Graph.AddOutput(Graph.Emit("Relu", [x], "y"));
        ShapeInference.Infer(model);

        ShapeInference.Infer(model, inputShapes: new Dictionary<string, long[]> { ["x"] = [2, 4] });

        Assert.AreEqual("y: Float[2,4]", Graph.Outputs[0].ToString());
    }

    [TestMethod]
    public void Infer_ShapeForAnInputThatDoesNotExist_NamesTheInputs()
    {
        Graph.AddInput("x", ElementType.Float, 1, 4);

        StringAssert.Contains(Assert.ThrowsException<ArgumentException>(() => ShapeInference.Infer(model, inputShapes: new Dictionary<string, long[]> { ["image"] = [1, 4] })).Message, "'x'");
        Assert.ThrowsException<ArgumentException>(() => ShapeInference.Infer(model, inputShapes: new Dictionary<string, long[]> { ["x"] = [1, 4, 4] }));
    }

    [TestMethod]
    public void Infer_UnknownOperator_KeepsWhatIsStatedAndGoesOn()
    {
        var x = Graph.AddInput("x", ElementType.Float, 2, 4);
        var silent = Graph.Emit("Wavelet", [x], "silent");
        var stated = Graph.Emit("Wavelet", [x], "stated");
        (stated.Type, stated.Shape) = (ElementType.Float, [2, 7]);
        Graph.AddOutput(Graph.Emit("Relu", [stated], "y"));
        Graph.AddOutput(Graph.Emit("Relu", [silent], "z"));

        ShapeInference.Infer(model);

        Assert.AreEqual("y: Float[2,7]", Graph.Outputs[0].ToString());
        Assert.IsNull(Graph.Outputs[1].Shape);
    }

    [TestMethod]
    public void Infer_Contradictions_NameNodeFoundAndExpected()
    {
        Value F(params Dimension[] shape) => Graph.AddInput(Graph.NewName("f"), ElementType.Float, shape);
        Value I(params long[] values) => Graph.AddInitializer("i", Tensor.Of(values));
        Contradicts("3 and 4", "MatMul", [F(2, 3), F(4, 5)]);
        Contradicts("6 elements", "Reshape", [F(2, 3), I(4, 2)]);
        Contradicts("2 and 3", "Add", [F(2), F(3)]);
        Contradicts("axis 5", "ArgMax", [F(2, 3)], ("axis", 5));
        Contradicts("channels", "Conv", [F(1, 3, 8, 8), F(4, 2, 3, 3)]);
        Contradicts("does not fit an image", "Conv", [F(1, 3, 2, 2), F(4, 3, 3, 3)]);
        Contradicts("group 0", "Conv", [F(1, "channels", 8, 8), F(4, 3, 3, 3)], ("group", 0));
        Contradicts("'kernel_shape' has 1", "ConvTranspose", [F(1, 3, 8, 8), F(3, 4, 3, 3)], ("kernel_shape", new long[] { 3 }));
        Contradicts("'output_shape' has 1", "ConvTranspose", [F(1, 3, 8, 8), F(3, 4, 3, 3)], ("output_shape", new long[] { 3 }));
        Contradicts("perm", "Transpose", [F(2, 3)], ("perm", new long[] { 0, 0 }));
        Contradicts("differ outside axis", "Concat", [F(2, 3), F(3, 3)], ("axis", 1));
        Contradicts("only 1 can be squeezed", "Squeeze", [F(2, 3), I(0)]);
        Contradicts("does not fit the input", "LayerNormalization", [F(2, 3), F(4)]);
        Contradicts("outside axis", "Gather", [F(2, 3), I(5)]);
        Contradicts("inner dimensions are 3 and 4", "Gemm", [F(2, 3), F(4, 5)]);
        Contradicts("largest of 3", "TopK", [F(2, 3), I(4)]);

        void Contradicts(string part, string op, Value[] inputs, params (string, object)[] attributes)
        {
            var node = Graph.AddNode(op, inputs, ["bad"], name: "culprit", attributes: attributes);
            string message = Assert.ThrowsException<InvalidDataException>(() => ShapeInference.Infer(model), op).Message;
            StringAssert.Contains(message, $"'culprit' ({op})");
            StringAssert.Contains(message, part);
            Graph.Remove(node);
        }
    }
}
