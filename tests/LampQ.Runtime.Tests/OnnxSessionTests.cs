using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Runtime.Tests;

[TestClass]
public sealed class OnnxSessionTests
{
    [TestMethod]
    public void Names_OfAModel_AreItsInputsAndOutputs()
    {
        using var session = new OnnxSession(SumAndProduct());
        CollectionAssert.AreEqual(new[] { "a", "b" }, session.InputNames.ToArray());
        CollectionAssert.AreEqual(new[] { "sum", "product", "same" }, session.OutputNames.ToArray());
    }

    [TestMethod]
    public void Run_WithoutOutputs_ReturnsAllOfThemInTheModelsOrder()
    {
        using var session = new OnnxSession(SumAndProduct());
        var results = session.Run(Inputs([1, 2], [10, 20]));
        CollectionAssert.AreEqual(new float[] { 11, 22 }, results[0].ToFloats());
        CollectionAssert.AreEqual(new float[] { 10, 40 }, results[1].ToFloats());
        Assert.AreEqual(ElementType.Bool, results[2].Type);
        CollectionAssert.AreEqual(new byte[] { 0, 0 }, results[2].Bytes.ToArray());
        CollectionAssert.AreEqual(new long[] { 2 }, results[0].Shape.ToArray());
    }

    [TestMethod]
    public void Run_WithOutputs_ReturnsThemInTheOrderAskedFor()
    {
        using var session = new OnnxSession(SumAndProduct());
        var results = session.Run(Inputs([3], [5]), ["product", "sum"]);
        Assert.AreEqual(2, results.Length);
        Assert.AreEqual(15f, results[0].ToFloats()[0]);
        Assert.AreEqual(8f, results[1].ToFloats()[0]);
    }

    [TestMethod]
    public void Run_WithAViewer_ShowsWhatRunReturns()
    {
        using var session = new OnnxSession(SumAndProduct());
        var seen = new List<(int Index, long[] Shape, float[] Values)>();
        session.Run(Inputs([1, 2, 3], [4, 5, 6]), ["product", "sum"], (i, shape, values) => seen.Add((i, shape.ToArray(), values.ToArray())));
        CollectionAssert.AreEqual(new[] { 0, 1 }, seen.Select(s => s.Index).ToArray());
        CollectionAssert.AreEqual(new long[] { 3 }, seen[0].Shape);
        CollectionAssert.AreEqual(new float[] { 4, 10, 18 }, seen[0].Values);
        CollectionAssert.AreEqual(new float[] { 5, 7, 9 }, seen[1].Values);
    }

    [TestMethod]
    public void Run_ResultsKept_DoNotChangeWithTheNextRun()
    {
        using var session = new OnnxSession(SumAndProduct());
        var first = session.Run(Inputs([1], [1]), ["sum"])[0];
        session.Run(Inputs([50], [50]), ["sum"]);
        Assert.AreEqual(2f, first.ToFloats()[0]);
    }

    [TestMethod]
    public void Run_OtherElementTypes_PassThroughBitForBit()
    {
        var model = Model.Create(13);
        var tensors = new Dictionary<string, Tensor>
        {
            ["long"] = Tensor.Of([long.MinValue, 0, long.MaxValue]),
            ["byte"] = Tensor.Of(new byte[] { 0, 128, 255 }),
            ["sbyte"] = Tensor.Of(new sbyte[] { -128, 0, 127 }),
            ["int"] = Tensor.Of([int.MinValue, 7]),
            ["scalar"] = Tensor.Scalar(2.5f),
        };
        foreach (var (name, tensor) in tensors)
        {
            var input = model.Graph.AddInput(name, tensor.Type, [.. tensor.Shape.Select(d => (Dimension)d)]);
            var output = model.Graph.AddNode("Identity", [input], [$"{name}_out"]).Output;
            (output.Type, output.Shape) = (input.Type, input.Shape);
            model.Graph.AddOutput(output);
        }
        using var session = new OnnxSession(model);
        var results = session.Run(tensors, [.. tensors.Keys.Select(n => $"{n}_out")]);
        foreach (var (result, expected) in results.Zip(tensors.Values))
        {
            Assert.AreEqual(expected.Type, result.Type);
            CollectionAssert.AreEqual(expected.Shape.ToArray(), result.Shape.ToArray());
            CollectionAssert.AreEqual(expected.Bytes.ToArray(), result.Bytes.ToArray());
        }
    }

    [TestMethod]
    public void Constructor_BytesThatAreNoModel_ThrowsInvalidDataWithTheReason()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => new OnnxSession("this is no model"u8.ToArray()));
        StringAssert.StartsWith(error.Message, "ONNX Runtime cannot load the model: ");
        Assert.IsNotNull(error.InnerException);
    }

    [TestMethod]
    public void Constructor_UnknownOperator_ThrowsInvalidDataNamingIt()
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, 2);
        var y = model.Graph.AddNode("NoSuchOperator", [x], ["y"]).Output;
        y.Type = ElementType.Float;
        model.Graph.AddOutput(y);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => new OnnxSession(model)).Message, "NoSuchOperator");
    }

    [TestMethod]
    public void Constructor_ShapesThatContradict_ThrowsInvalidData()
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, 2, 3);
        var y = model.Graph.Emit("MatMul", [x, model.Graph.AddInitializer("w", Tensor.Of(new float[8], 4, 2))]);
        y.Type = ElementType.Float;
        model.Graph.AddOutput(y);
        Assert.ThrowsExactly<InvalidDataException>(() => new OnnxSession(model));
    }

    [TestMethod]
    public void Run_FromFourThreads_GivesEveryCallerItsOwnResult()
    {
        var vit = new TinyVit();
        using var session = new OnnxSession(vit.Build(), new() { Threads = 1 });
        var images = Enumerable.Range(0, 4).Select(seed => new Dictionary<string, Tensor> { [TinyVit.InputName] = vit.Images(seed: seed) }).ToArray();
        var expected = images.Select(x => session.Run(x)[0].ToFloats()).ToArray();
        var failures = new int[4];

        var threads = Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 50; i++)
                if (!session.Run(images[t])[0].ToFloats().AsSpan().SequenceEqual(expected[t]))
                    failures[t]++;
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();

        // One thread a run: sums have one order, so equal inputs give equal bits.
        CollectionAssert.AreEqual(new int[4], failures);
        Assert.IsFalse(expected[0].AsSpan().SequenceEqual(expected[1]), "All images give the same; the case shows nothing.");
    }

    [TestMethod]
    public void Dispose_TwiceAndThenRun_ThrowsObjectDisposed()
    {
        var session = new OnnxSession(SumAndProduct());
        session.Dispose();
        session.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => session.Run(Inputs([1], [1])));
    }

    [TestMethod]
    public void OptimizedModelPath_WhenSet_HoldsTheGraphThatRuns()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using (new OnnxSession(SumAndProduct(), new() { OptimizedModelPath = path })) { }
            var outputs = Model.Read(path).Graph.Outputs.Select(o => o.Name).ToArray();
            CollectionAssert.AreEqual(new[] { "sum", "product", "same" }, outputs);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Optimize_Off_RunsTheGraphAsItIsWritten()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            var model = new TinyVit().Build();
            using (new OnnxSession(model, new() { Optimize = false, OptimizedModelPath = path })) { }
            int asWritten = Model.Read(path).Graph.Nodes.Count(n => !n.Is("Constant"));
            using (new OnnxSession(model, new() { OptimizedModelPath = path })) { }
            int optimized = Model.Read(path).Graph.Nodes.Count;
            Assert.AreEqual(model.Graph.Nodes.Count(n => !n.Is("Constant")), asWritten);
            Assert.IsTrue(optimized < asWritten, $"{optimized} nodes of {asWritten}");
        }
        finally
        {
            File.Delete(path);
        }
    }

    static Model SumAndProduct()
    {
        var model = Model.Create(13);
        var graph = model.Graph;
        var a = graph.AddInput("a", ElementType.Float, "n");
        var b = graph.AddInput("b", ElementType.Float, "n");
        foreach (var (op, name, type) in new[] { ("Add", "sum", ElementType.Float), ("Mul", "product", ElementType.Float), ("Equal", "same", ElementType.Bool) })
        {
            var value = graph.AddNode(op, [a, b], [name]).Output;
            (value.Type, value.Shape) = (type, ["n"]);
            graph.AddOutput(value);
        }
        return model;
    }

    static Dictionary<string, Tensor> Inputs(float[] a, float[] b) => new() { ["a"] = Tensor.Of(a), ["b"] = Tensor.Of(b) };
}
