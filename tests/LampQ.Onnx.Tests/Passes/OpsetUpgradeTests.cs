using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

[TestClass]
public class OpsetUpgradeTests
{
    public static IEnumerable<object[]> Changed => Cases().Select(c => new object[] { c.Name });

    static IEnumerable<(string Name, OneNodeModel Model)> Cases()
    {
        OneNodeModel m;
        foreach (string op in new[] { "Softmax", "LogSoftmax", "Hardmax" })
        {
            m = new(11);
            yield return ($"{op}, default axis, rank 3", m.With(op, [m.Floats(2, 3, 4)]));
            m = new(12);
            yield return ($"{op}, axis 2 of rank 3", m.With(op, [m.Floats(2, 3, 4)], 1, ("axis", 2)));
            m = new(11);
            yield return ($"{op}, axis -2 of rank 4", m.With(op, [m.Floats(2, 3, 4, 2)], 1, ("axis", -2)));
        }
        m = new(9);
        yield return ("Softmax, default axis, rank 2", m.With("Softmax", [m.Floats(2, 3)]));
        m = new(11);
        yield return ("Squeeze", m.With("Squeeze", [m.Floats(2, 1, 3, 1)], 1, ("axes", new long[] { 1, -1 })));
        m = new(9);
        yield return ("Squeeze, all", m.With("Squeeze", [m.Floats(2, 1, 3, 1)]));
        m = new(9);
        yield return ("Unsqueeze", m.With("Unsqueeze", [m.Floats(2, 3)], 1, ("axes", new long[] { 0, 3 })));
        foreach (string op in new[] { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare" })
        {
            m = new(11);
            yield return (op, m.With(op, [m.Floats(2, 3, 4)], 1, ("axes", new long[] { -1, 0 }), ("keepdims", 0)));
            m = new(9);
            yield return ($"{op}, all", m.With(op, [m.Floats(2, 3, 4)]));
        }
        m = new(11);
        var logged = m.Input(Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3));
        yield return ("ReduceLogSum", m.With("ReduceLogSum", [logged], 1, ("axes", new long[] { 1 })));
        m = new(11);
        yield return ("Split, sizes", m.With("Split", [m.Floats(2, 6)], 2, ("axis", 1), ("split", new long[] { 2, 4 })));
        m = new(11);
        yield return ("Split, equal", m.With("Split", [m.Floats(2, 6)], 3, ("axis", 1)));
        m = new(13);
        yield return ("Split 13, sizes", m.With("Split", [m.Floats(2, 6), m.Ints(5, 1)], 2, ("axis", 1)));
        m = new(9);
        yield return ("Clip, both", m.With("Clip", [m.Floats(20)], 1, ("min", -0.25f), ("max", 0.5f)));
        m = new(10);
        yield return ("Clip, max only", m.With("Clip", [m.Floats(20)], 1, ("max", 0.5f)));
        m = new(9);
        yield return ("Slice", m.With("Slice", [m.Floats(4, 5, 6)], 1, ("starts", new long[] { 1, -3 }), ("ends", new long[] { 3, 1000 }), ("axes", new long[] { 0, 2 })));
        m = new(9);
        yield return ("Slice, no axes", m.With("Slice", [m.Floats(4, 5)], 1, ("starts", new long[] { 1, 0 }), ("ends", new long[] { -1, 3 })));
        m = new(9);
        yield return ("Dropout 9", m.With("Dropout", [m.Floats(10)], 1, ("ratio", 0.3f)));
        m = new(11);
        yield return ("Dropout 11", m.With("Dropout", [m.Floats(10)], 1, ("ratio", 0.3f)));
        m = new(9);
        yield return ("Pad, constant", m.With("Pad", [m.Floats(2, 3)], 1, ("pads", new long[] { 1, 0, 0, 2 }), ("value", 1.5f)));
        m = new(10);
        yield return ("Pad, reflect", m.With("Pad", [m.Floats(4, 3)], 1, ("pads", new long[] { 1, 0, 0, 2 }), ("mode", "reflect")));
        foreach (string mode in new[] { "nearest", "linear" })
        {
            m = new(10);
            yield return ($"Resize 10, {mode}", m.With("Resize", [m.Floats(1, 2, 3, 4), m.Constant([1, 1, 2, 1.5f], 4)], 1, ("mode", mode)));
            m = new(9);
            yield return ($"Upsample, {mode}", m.With("Upsample", [m.Floats(1, 2, 3, 4), m.Constant([1, 1, 2, 2], 4)], 1, ("mode", mode)));
            m = new(11);
            yield return ($"Resize 11, {mode}, sizes", m.With("Resize", [m.Floats(1, 2, 3, 4), m.Constant([], 0), m.Constant([], 0), m.Ints(1, 2, 5, 7)], 1, ("mode", mode), ("coordinate_transformation_mode", "align_corners")));
        }
        m = new(10);
        yield return ("Resize 10, nearest, smaller", m.With("Resize", [m.Floats(1, 2, 5, 7), m.Constant([1, 1, .6f, .5f], 4)], 1, ("mode", "nearest")));
        m = new(11);
        yield return ("Resize 11, cubic", m.With("Resize", [m.Floats(1, 1, 5, 5), m.Constant([], 0), m.Constant([1, 1, 2, 2], 4)], 1, ("mode", "cubic"), ("cubic_coeff_a", -0.5f)));
        m = new(9);
        yield return ("TopK", m.With("TopK", [m.Floats(3, 7)], 2, ("k", 3), ("axis", 1)));
        m = new(9);
        yield return ("Scatter", m.With("Scatter", [m.Floats(3, 3), m.Constant(Tensor.Of([1L, 0, 2], 1, 3)), m.Floats(1, 3)]));
        m = new(9);
        var positive = m.Constant([0.5f, 1, 2], 3);
        yield return ("BatchNormalization", m.With("BatchNormalization", [m.Floats(2, 3, 4, 4), m.Floats(3), m.Floats(3), m.Floats(3), positive], 1, ("epsilon", 1e-4f)));
        m = new(18);
        yield return ("GroupNormalization", m.With("GroupNormalization", [m.Floats(2, 6, 4), m.Floats(3), m.Floats(3)], 1, ("num_groups", 3)));
        foreach (string mode in new[] { "bilinear", "nearest", "bicubic" })
        {
            m = new(16);
            yield return ($"GridSample, {mode}", m.With("GridSample", [m.Floats(1, 2, 4, 4), m.Floats(1, 3, 5, 2)], 1, ("mode", mode)));
        }
        m = new(16);
        yield return ("GridSample, default mode", m.With("GridSample", [m.Floats(1, 2, 4, 4), m.Floats(1, 3, 5, 2)]));
        m = new(10);
        yield return ("RoiAlign", m.With("RoiAlign", [m.Floats(1, 2, 8, 8), m.Constant([1, 1, 6, 5], 1, 4), m.Ints(0)], 1, ("output_height", 2), ("output_width", 2)));
    }

    [TestMethod]
    [DynamicData(nameof(Changed))]
    public void Apply_ChangedOperator_KeepsTheResultAtEveryVersionOnTheWay(string name)
    {
        var one = Cases().Single(c => c.Name == name).Model;
        var expected = one.Run();

        foreach (int target in new[] { 13, 18, 21 })
        {
            if (target <= one.Model.Opset)
                continue;
            var upgraded = new OpsetUpgrade(target).Apply(one.Model);

            Assert.AreEqual(target, upgraded.Opset);
            var actual = one.Run(upgraded);
            for (int i = 0; i < expected.Length; i++)
                AssertEqual(expected[i], actual[i], $"{name}, opset {target}, output {i}");
        }
    }

    [TestMethod]
    public void Apply_EveryChangedOperator_HasACaseAbove()
    {
        var tested = Cases().SelectMany(c => c.Model.Graph.Nodes).Select(n => n.OpType).ToHashSet();

        Assert.AreEqual("", string.Join(",", OpsetChanges.Changed.Except(tested)));
    }

    [TestMethod]
    public void Apply_SoftmaxOverAllButTheFirstAxis_DiffersFromTheNewDefaultSoTheTestAboveCanFail()
    {
        var one = new OneNodeModel(11);
        one.With("Softmax", [one.Floats(2, 3, 4)]);
        var relabelled = one.Model.Clone();
        relabelled.Opset = 13;

        CollectionAssert.AreNotEqual(one.Run()[0].ToFloats(), one.Run(relabelled)[0].ToFloats());
    }

    [TestMethod]
    public void Apply_SoftmaxAlongTheLastAxis_StaysOneNode()
    {
        var one = new OneNodeModel(12);
        one.With("Softmax", [one.Floats(2, 3, 4)], 1, ("axis", 2));

        var upgraded = new OpsetUpgrade(13).Apply(one.Model);

        Assert.AreEqual(-1L, upgraded.Graph.Nodes.Single().Int("axis"));
    }

    [TestMethod]
    public void Apply_UnknownOperator_IsRefusedNamingOperatorDomainAndNode()
    {
        var one = new OneNodeModel(17);
        one.With("Wavelet", [one.Floats(2)]);

        var error = Assert.ThrowsException<NotSupportedException>(() => new OpsetUpgrade(21).Apply(one.Model));

        StringAssert.Contains(error.Message, "Wavelet");
        StringAssert.Contains(error.Message, "'ai.onnx'");
        StringAssert.Contains(error.Message, "'node'");
    }

    [TestMethod]
    [DataRow(false), DataRow(true)]
    public void Apply_NearestResizeThatMayGrowAndShrink_IsRefused(bool isConstant)
    {
        var one = new OneNodeModel(10);
        var scales = Tensor.Of([1, 1, 2, .5f]);
        one.With("Resize", [one.Floats(1, 2, 4, 4), isConstant ? one.Constant(scales) : one.Input(scales)]);

        StringAssert.Contains(Assert.ThrowsException<NotSupportedException>(() => new OpsetUpgrade(11).Apply(one.Model)).Message, "scales");
    }

    [TestMethod]
    public void Apply_DropoutWhoseMaskIsReturned_IsRefused()
    {
        var one = new OneNodeModel(11);
        one.With("Dropout", [one.Floats(2)], 2);

        StringAssert.Contains(Assert.ThrowsException<NotSupportedException>(() => new OpsetUpgrade(12).Apply(one.Model)).Message, "mask");
    }

    [TestMethod]
    public void Apply_NodeOfAnotherDomain_Passes()
    {
        var model = Model.Create(17);
        model.Opsets["my.domain"] = 1;
        model.Graph.AddOutput(model.Graph.AddNode("Wavelet", [model.Graph.AddInput("x", ElementType.Float, 2)], ["y"], "my.domain").Output);

        Assert.AreEqual("my.domain", new OpsetUpgrade(21).Apply(model).Graph.Nodes.Single().Domain);
    }

    [TestMethod]
    [DataRow(13, 7L)]
    [DataRow(17, 8L)]
    [DataRow(20, 9L)]
    [DataRow(21, 10L)]
    public void Apply_Target_RaisesTheIrVersionAsFarAsThatOpsetRequires(int target, long irVersion)
    {
        var one = new OneNodeModel(9);
        one.With("Relu", [one.Floats(2)]);
        one.Model.IrVersion = 4;

        Assert.AreEqual(irVersion, new OpsetUpgrade(target).Apply(one.Model).IrVersion);
    }

    [TestMethod]
    public void Apply_OlderThanNine_IsRefused()
    {
        var one = new OneNodeModel(8);
        one.With("Relu", [one.Floats(2)]);

        Assert.ThrowsException<NotSupportedException>(() => new OpsetUpgrade(13).Apply(one.Model));
    }

    [TestMethod]
    public void Apply_AlreadyNewer_ChangesNothing()
    {
        var one = new OneNodeModel(20);
        one.With("Relu", [one.Floats(2)]);

        Assert.AreEqual(20, new OpsetUpgrade(13).Apply(one.Model).Opset);
    }

    [TestMethod]
    [DataRow(9)]
    [DataRow(22)]
    public void Constructor_TargetOutsideTenToTwentyOne_IsRefused(int target) =>
        Assert.ThrowsException<ArgumentOutOfRangeException>(() => new OpsetUpgrade(target));

    [TestMethod]
    [DataRow(SharedModels.VitTiny, "pixel_values", 3, 224)]
    [DataRow(SharedModels.VitMnist, "image", 1, 28)]
    public void Apply_RealTransformerToTwentyOne_KeepsItsLogits(string file, string input, int channels, int size)
    {
        var model = SharedModels.Read(file);
        var x = new Dictionary<string, Tensor> { [input] = RandomTensors.Floats(1, 1, channels, size, size) };
        using var before = new OnnxSession(model, new OnnxSessionOptions { Optimize = false });
        using var after = new OnnxSession(new OpsetUpgrade(21).Apply(model), new OnnxSessionOptions { Optimize = false });

        CollectionAssert.AreEqual(before.Run(x)[0].ToFloats(), after.Run(x)[0].ToFloats());
    }

    static void AssertEqual(Tensor expected, Tensor actual, string message)
    {
        Assert.AreEqual(expected.ToString(), actual.ToString(), message);
        if (expected.Type != ElementType.Float)
        {
            CollectionAssert.AreEqual(expected.Bytes.ToArray(), actual.Bytes.ToArray(), message);
            return;
        }
        float[] a = expected.ToFloats(), b = actual.ToFloats();
        // Kernels of two versions may sum in another order: a few roundings of numbers up to 100.
        for (int i = 0; i < a.Length; i++)
            Assert.AreEqual(a[i], b[i], 4e-6f * Math.Max(1, Math.Abs(a[i])), $"{message}, element {i}");
    }
}
