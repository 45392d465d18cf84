using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime.Tests;

/// <summary>Attributes, inputs, outputs and shapes of operators written in C#.</summary>
[TestClass]
public sealed class CustomOperatorTests
{
    static readonly (string, object)[] plain = [("factors", new float[] { 1 }), ("shift", 0), ("order", new[] { 0, 1, 2 })];

    [TestMethod]
    public void Create_AttributesOfEveryType_ReachTheKernel()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 10, 100 })],
            ("scale", .5f), ("factors", new float[] { 2, 3 }), ("shift", 7), ("sign", "minus"), ("order", new[] { 2, 1, 0 })));
        CollectionAssert.AreEqual(new float[] { 1200 - 7, 90 - 7, 6 - 7 }, ToyOperators.Run(session, 2, 3, 4));
    }

    [TestMethod]
    public void Create_AttributesLeftOut_TakeTheirDefaults()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 10, 100 })], plain));
        CollectionAssert.AreEqual(new float[] { 2, 30, 400 }, ToyOperators.Run(session, 2, 3, 4));
    }

    [TestMethod]
    public void Create_EmptyListAttribute_IsAnEmptyList()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 10, 100 })],
            ("factors", Array.Empty<float>()), ("shift", 0), ("order", new[] { 0, 1, 2 })));
        CollectionAssert.AreEqual(new float[] { 2, 30, 400 }, ToyOperators.Run(session, 2, 3, 4));
    }

    [TestMethod]
    public void Create_RequiredAttributeMissing_IsRefusedByName()
    {
        var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[3])], ("shift", 0))));
        StringAssert.Contains(error.Message, "Node 'the node' (ToyAffine): The attribute 'factors' is missing.");
    }

    [TestMethod]
    public void Create_OptionalAttributeOfAnotherType_IsRefusedRatherThanIgnored()
    {
        foreach (object value in new object[] { 2, "two", new float[] { 2 }, new[] { 2 } })
        {
            var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[3])], [.. plain, ("scale", value)])));
            StringAssert.Contains(error.Message, "Node 'the node' (ToyAffine): The attribute 'scale' is of another type than expected.");
        }
    }

    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    [DataRow(true, true)]
    public void Run_OptionalInputsPresentOrNot_AreUsedWhereTheyAre(bool bias, bool extra)
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine",
            [Tensor.Of(new float[] { 1, 1, 1 }), bias ? Tensor.Of(new float[] { 10, 20, 30 }) : null, .. extra ? new[] { Tensor.Of(new float[] { 100, 200, 300 }) } : []], plain));
        float[] expected = [1 + (bias ? 10 : 0) + (extra ? 100 : 0), 2 + (bias ? 20 : 0) + (extra ? 200 : 0), 3 + (bias ? 30 : 0) + (extra ? 300 : 0)];
        CollectionAssert.AreEqual(expected, ToyOperators.Run(session, 1, 2, 3));
    }

    [TestMethod]
    public void Constant_OfAWeightThatIsComputed_IsRefusedWithTheReason()
    {
        var model = ToyOperators.Of("ToyAffine", [Tensor.Of(new float[3])], plain);
        model.Graph.MakeInput(model.Graph.Find("c0")!);
        var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => ToyOperators.Open(model));
        StringAssert.Contains(error.Message, "Node 'the node' (ToyAffine): the weight (input 1) is not a constant.");
    }

    [TestMethod]
    public void Constant_OfAnInitializer_IsAlignedAsTheKernelsNeedIt()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 2, 3 })], plain));
        Assert.AreEqual(0, ToyAffine.Kernel.LastWeight % 64);
    }

    [TestMethod]
    [DataRow(1, 1, 1)]
    [DataRow(1, 0, 1)]
    [DataRow(0, 5, 1)]
    [DataRow(2, 7, 1)]
    [DataRow(3, 100, 2)]
    public void Run_DynamicDimensions_ComputesEveryRow(int batch, int tokens, int threads)
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 2, 3 })], plain), threads);
        var x = Enumerable.Range(0, batch * tokens * 3).Select(i => (float)i).ToArray();
        CollectionAssert.AreEqual(x.Select((v, i) => v * (1 + i % 3)).ToArray(), ToyOperators.Run(session, x, batch, tokens, 3));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(4)]
    public void Workers_OfASession_RunEveryTaskOnce(int threads)
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyTasks", []), threads);
        foreach (int rows in new[] { 0, 1, 2, 333 })
            CollectionAssert.AreEqual(Enumerable.Repeat(1f, rows * 3).ToArray(), ToyOperators.Run(session, new float[rows * 3]), $"{rows} rows");
    }

    [TestMethod]
    public void InferShapes_SymbolicDimensions_AreForwardedToTheOutput()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[3])], plain));
        var output = session.OutputMetadata["y"];
        CollectionAssert.AreEqual(new[] { "b", "t", "" }, output.SymbolicDimensions);
        CollectionAssert.AreEqual(new[] { -1, -1, 3 }, output.Dimensions);
    }

    [TestMethod]
    public void InferShapes_OptionalInputLeftOutInTheMiddle_StillInfers()
    {
        using var session = ToyOperators.Open(ToyOperators.Of("ToyAffine", [Tensor.Of(new float[3]), null, Tensor.Of(new float[3])], plain));
        CollectionAssert.AreEqual(new[] { -1, -1, 3 }, session.OutputMetadata["y"].Dimensions);
    }

    [TestMethod]
    public void InferShapes_InputOfUnknownRank_LeavesTheOutputUnknownAndRuns()
    {
        var model = ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 2, 3 })], plain);
        model.Graph.Inputs[0].Shape = null;
        using var session = ToyOperators.Open(model);
        CollectionAssert.AreEqual(new float[] { 1, 4, 9 }, ToyOperators.Run(session, 1, 2, 3));
    }

    [TestMethod]
    public void Register_OptionsOfManySessions_UseTheSameOperators()
    {
        using var options = ToyOperators.Options();
        byte[] model = ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 2, 3 })], plain).ToBytes();
        using var first = new InferenceSession(model, options);
        using var second = new InferenceSession(model, options);
        CollectionAssert.AreEqual(ToyOperators.Run(first, 1, 2, 3), ToyOperators.Run(second, 1, 2, 3));
    }

    [TestMethod]
    public void OptimizedModel_SavedAndLoadedAgain_ComputesTheSame()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            byte[] model = ToyOperators.Of("ToyAffine", [Tensor.Of(new float[] { 1, 2, 3 })], plain).ToBytes();
            using (var options = ToyOperators.Options())
            {
                options.OptimizedModelFilePath = path;
                using var session = new InferenceSession(model, options);
            }
            using var again = ToyOperators.Open(Model.Read(path));
            CollectionAssert.AreEqual(new float[] { 1, 4, 9 }, ToyOperators.Run(again, 1, 2, 3));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
