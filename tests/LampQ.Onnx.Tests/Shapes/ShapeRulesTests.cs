namespace LampQ.Onnx.Tests;

/// <summary>Every rule against the shape that ONNX Runtime really computes.</summary>
[TestClass]
public class ShapeRulesTests
{
    public static IEnumerable<object[]> Names => Cases().Select(c => new object[] { c.Name });

    static IEnumerable<(string Name, OneNodeModel Model)> Cases()
    {
        OneNodeModel m;
        foreach (string op in new[] { "Relu", "Erf", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "Sqrt", "HardSwish", "Neg", "Identity", "GlobalAveragePool", "GlobalMaxPool", "Clip" })
        {
            m = new(17);
            yield return (op, m.With(op, [m.Floats(2, 3, 4, 5)]));
        }
        m = new(20);
        yield return ("Gelu", m.With("Gelu", [m.Floats(2, 3)]));
        foreach (string op in new[] { "Add", "Sub", "Mul", "Div", "Pow", "Less", "Equal", "GreaterOrEqual", "Min", "Max" })
        {
            m = new(17);
            yield return (op, m.With(op, [m.Floats(2, 1, 4), m.Floats(3, 1)]));
        }
        m = new(17);
        yield return ("Where", m.With("Where", [m.Input(Tensor.OfBytes(ElementType.Bool, new byte[] { 1, 0 }, 2, 1)), m.Floats(3), m.Floats(4, 1, 1)]));
        m = new(17);
        yield return ("Not", m.With("Not", [m.Input(Tensor.OfBytes(ElementType.Bool, new byte[] { 1, 0 }, 2, 1))]));
        m = new(17);
        yield return ("Cast", m.With("Cast", [m.Floats(2, 3)], 1, ("to", 7)));
        foreach (var (a, b) in new (long[], long[])[] { ([3], [3]), ([3], [2, 3, 4]), ([2, 3], [3]), ([5, 1, 2, 3], [4, 3, 6]), ([2, 3], [3, 4]) })
        {
            m = new(17);
            yield return ($"MatMul [{string.Join(",", a)}]·[{string.Join(",", b)}]", m.With("MatMul", [m.Floats(a), m.Floats(b)]));
        }
        m = new(17);
        yield return ("Gemm", m.With("Gemm", [m.Floats(3, 2), m.Floats(4, 3), m.Floats(4)], 1, ("transA", 1), ("transB", 1)));
        foreach (string equation in new[] { "bij,bjk->bik", "...ij,...kj->...ik", "bij,bjk", "ij->ji", "bhid,bhjd->bhij" })
        {
            bool four = equation.Contains('h'), single = equation == "ij->ji", transposed = equation.Contains('.');
            m = new(17);
            yield return ($"Einsum {equation}", m.With("Einsum",
                single ? [m.Floats(2, 3)] : four ? [m.Floats(2, 3, 4, 5), m.Floats(2, 3, 6, 5)] : transposed ? [m.Floats(2, 3, 4), m.Floats(2, 5, 4)] : [m.Floats(2, 3, 4), m.Floats(2, 4, 5)],
                1, ("equation", equation)));
        }
        m = new(17);
        yield return ("Conv, patches", m.With("Conv", [m.Floats(2, 3, 32, 32), m.Floats(8, 3, 16, 16)], 1, ("strides", new long[] { 16, 16 })));
        m = new(17);
        yield return ("Conv, pads, group, dilation", m.With("Conv", [m.Floats(1, 4, 9, 10), m.Floats(6, 2, 3, 3)], 1, ("group", 2), ("pads", new long[] { 1, 0, 2, 1 }), ("dilations", new long[] { 2, 1 }), ("strides", new long[] { 2, 3 })));
        foreach (string mode in new[] { "SAME_UPPER", "SAME_LOWER", "VALID" })
        {
            m = new(17);
            yield return ($"Conv, {mode}", m.With("Conv", [m.Floats(1, 1, 7, 8), m.Floats(1, 1, 3, 3)], 1, ("auto_pad", mode), ("strides", new long[] { 2, 3 })));
        }
        m = new(17);
        yield return ("ConvTranspose", m.With("ConvTranspose", [m.Floats(1, 4, 5, 5), m.Floats(4, 3, 3, 3)], 1, ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }), ("output_padding", new long[] { 1, 1 })));
        foreach (int ceil in new[] { 0, 1 })
            foreach (int size in new[] { 6, 7, 8 })
            {
                m = new(17);
                yield return ($"MaxPool, {size}, ceil {ceil}", m.With("MaxPool", [m.Floats(1, 2, size, size)], 2, ("kernel_shape", new long[] { 3, 2 }), ("strides", new long[] { 2, 3 }), ("pads", new long[] { 1, 0, 1, 1 }), ("ceil_mode", ceil)));
                m = new(17);
                yield return ($"AveragePool, {size}, ceil {ceil}", m.With("AveragePool", [m.Floats(1, 2, size, size)], 1, ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }), ("ceil_mode", ceil)));
            }
        m = new(17);
        yield return ("LayerNormalization", m.With("LayerNormalization", [m.Floats(2, 3, 4), m.Floats(4), m.Floats(4)], 3));
        m = new(17);
        yield return ("InstanceNormalization", m.With("InstanceNormalization", [m.Floats(2, 3, 4), m.Floats(3), m.Floats(3)]));
        m = new(17);
        yield return ("BatchNormalization", m.With("BatchNormalization", [m.Floats(2, 3, 4), m.Floats(3), m.Floats(3), m.Floats(3), m.Constant([1, 1, 1], 3)]));
        m = new(18);
        yield return ("GroupNormalization", m.With("GroupNormalization", [m.Floats(2, 6, 4), m.Floats(3), m.Floats(3)], 1, ("num_groups", 3)));
        m = new(17);
        yield return ("Dropout", m.With("Dropout", [m.Floats(2, 3)], 2));
        foreach (int keep in new[] { 0, 1 })
        {
            m = new(17);
            yield return ($"ReduceMean, attribute, keep {keep}", m.With("ReduceMean", [m.Floats(2, 3, 4)], 1, ("axes", new long[] { -1 }), ("keepdims", keep)));
            m = new(18);
            yield return ($"ReduceMean, input, keep {keep}", m.With("ReduceMean", [m.Floats(2, 3, 4), m.Ints(0, 2)], 1, ("keepdims", keep)));
            m = new(17);
            yield return ($"ReduceSum, all, keep {keep}", m.With("ReduceSum", [m.Floats(2, 3, 4)], 1, ("keepdims", keep)));
            m = new(17);
            yield return ($"ArgMax, keep {keep}", m.With("ArgMax", [m.Floats(2, 3, 4)], 1, ("axis", 1), ("keepdims", keep)));
        }
        m = new(17);
        yield return ("ReduceSum, empty axes do nothing", m.With("ReduceSum", [m.Floats(2, 3)], 1, ("noop_with_empty_axes", 1)));
        m = new(17);
        yield return ("TopK", m.With("TopK", [m.Floats(3, 7), m.Ints(4)], 2));
        m = new(17);
        yield return ("CumSum", m.With("CumSum", [m.Floats(3, 7), m.Constant(Tensor.Scalar(1L))]));
        m = new(17);
        yield return ("Trilu", m.With("Trilu", [m.Floats(3, 7)]));
        m = new(17);
        yield return ("Reshape, 0 and -1", m.With("Reshape", [m.Floats(2, 3, 4), m.Ints(0, -1, 2)]));
        m = new(17);
        yield return ("Reshape, allowzero", m.With("Reshape", [m.Floats(0, 3), m.Ints(0, 5)], 1, ("allowzero", 1)));
        m = new(17);
        yield return ("Transpose", m.With("Transpose", [m.Floats(2, 3, 4)], 1, ("perm", new long[] { 2, 0, 1 })));
        m = new(17);
        yield return ("Transpose, default", m.With("Transpose", [m.Floats(2, 3, 4)]));
        foreach (int axis in new[] { 0, 1, 3, -1 })
        {
            m = new(17);
            yield return ($"Flatten {axis}", m.With("Flatten", [m.Floats(2, 3, 4)], 1, ("axis", axis)));
        }
        m = new(17);
        yield return ("Squeeze, axes", m.With("Squeeze", [m.Floats(1, 2, 1), m.Ints(-1)]));
        m = new(17);
        yield return ("Squeeze, all", m.With("Squeeze", [m.Floats(1, 2, 1)]));
        m = new(11);
        yield return ("Squeeze 11", m.With("Squeeze", [m.Floats(1, 2, 1)], 1, ("axes", new long[] { 0 })));
        m = new(17);
        yield return ("Unsqueeze", m.With("Unsqueeze", [m.Floats(2, 3), m.Ints(0, -1)]));
        m = new(17);
        yield return ("Expand", m.With("Expand", [m.Floats(3, 1), m.Ints(2, 1, 4)]));
        m = new(17);
        yield return ("Tile", m.With("Tile", [m.Floats(2, 3), m.Ints(2, 3)]));
        m = new(17);
        yield return ("DepthToSpace", m.With("DepthToSpace", [m.Floats(1, 8, 2, 3)], 1, ("blocksize", 2)));
        m = new(17);
        yield return ("SpaceToDepth", m.With("SpaceToDepth", [m.Floats(1, 2, 4, 6)], 1, ("blocksize", 2)));
        m = new(17);
        yield return ("Gather", m.With("Gather", [m.Floats(2, 3, 4), m.Constant(Tensor.Of([0L, 2, -1, 1], 2, 2))], 1, ("axis", 1)));
        m = new(17);
        yield return ("Gather, scalar", m.With("Gather", [m.Floats(2, 3, 4), m.Constant(Tensor.Scalar(1L))], 1, ("axis", -2)));
        m = new(17);
        yield return ("GatherElements", m.With("GatherElements", [m.Floats(2, 3), m.Constant(Tensor.Of([0L, 1], 2, 1))], 1, ("axis", 1)));
        m = new(17);
        yield return ("GatherND", m.With("GatherND", [m.Floats(2, 3, 4), m.Constant(Tensor.Of([0L, 1], 1, 2))]));
        m = new(17);
        yield return ("GatherND, batched", m.With("GatherND", [m.Floats(2, 3, 4), m.Constant(Tensor.Of([0L, 1], 2, 1))], 1, ("batch_dims", 1)));
        m = new(17);
        yield return ("ScatterND", m.With("ScatterND", [m.Floats(4, 3), m.Constant(Tensor.Of([1L], 1, 1)), m.Floats(1, 3)]));
        foreach (var (start, end, step) in new (long, long, long)[] { (1, 4, 1), (0, 100, 2), (-3, long.MaxValue, 1), (-1, long.MinValue, -1), (3, 0, -2), (4, 2, 1), (2, -1, 1), (-100, 3, 1), (100, -100, -1) })
        {
            m = new(17);
            yield return ($"Slice {start}:{end}:{step}", m.With("Slice", [m.Floats(2, 5), m.Ints(start), m.Ints(end), m.Ints(1), m.Ints(step)]));
        }
        m = new(9);
        yield return ("Slice 9", m.With("Slice", [m.Floats(2, 5)], 1, ("starts", new long[] { 0, 1 }), ("ends", new long[] { 1, -1 })));
        m = new(11);
        yield return ("Split 11", m.With("Split", [m.Floats(2, 6)], 2, ("axis", 1), ("split", new long[] { 2, 4 })));
        m = new(17);
        yield return ("Split, equal", m.With("Split", [m.Floats(2, 6)], 3, ("axis", -1)));
        m = new(18);
        yield return ("Split, smaller last part", m.With("Split", [m.Floats(2, 7)], 3, ("axis", 1), ("num_outputs", 3)));
        m = new(17);
        yield return ("Concat", m.With("Concat", [m.Floats(2, 3), m.Floats(2, 1)], 1, ("axis", -1)));
        m = new(17);
        yield return ("Pad", m.With("Pad", [m.Floats(2, 3), m.Ints(1, 0, 2, -1)]));
        m = new(18);
        yield return ("Pad, axes", m.With("Pad", [m.Floats(2, 3), m.Ints(1, 2), null, m.Ints(-1)]));
        m = new(17);
        yield return ("Shape, start and end", m.With("Shape", [m.Floats(2, 3, 4)], 1, ("start", 1), ("end", -1)));
        m = new(17);
        yield return ("Size", m.With("Size", [m.Floats(2, 3, 4)]));
        m = new(17);
        yield return ("ConstantOfShape", m.With("ConstantOfShape", [m.Ints(2, 3)], 1, ("value", Tensor.Of([7L], 1))));
        foreach (var (from, to, by) in new (long, long, long)[] { (0, 7, 1), (1, 8, 3), (5, 0, -2), (3, 3, 1) })
        {
            m = new(17);
            yield return ($"Range {from}:{to}:{by}", m.With("Range", [m.Constant(Tensor.Scalar(from)), m.Constant(Tensor.Scalar(to)), m.Constant(Tensor.Scalar(by))]));
        }
        m = new(17);
        yield return ("OneHot", m.With("OneHot", [m.Input(Tensor.Of([0L, 2], 2)), m.Constant(Tensor.Scalar(3L)), m.Constant([0, 1], 2)], 1, ("axis", 0)));
        m = new(17);
        yield return ("Resize, scales", m.With("Resize", [m.Floats(1, 2, 3, 5), null, m.Constant([1, 1, 2.5f, 0.5f], 4)]));
        m = new(17);
        yield return ("Resize, sizes", m.With("Resize", [m.Floats(1, 2, 3, 5), null, null, m.Ints(1, 2, 7, 4)], 1, ("mode", "linear")));
        m = new(16);
        yield return ("GridSample", m.With("GridSample", [m.Floats(1, 2, 4, 4), m.Floats(1, 3, 5, 2)]));
        m = new(13);
        yield return ("QuantizeLinear", m.With("QuantizeLinear", [m.Floats(2, 3), m.Constant(Tensor.Scalar(0.1f)), m.Constant(Tensor.Scalar((sbyte)0))]));
        m = new(13);
        yield return ("QuantizeLinear, no zero point", m.With("QuantizeLinear", [m.Floats(2, 3), m.Constant(Tensor.Scalar(0.1f))]));
        m = new(21);
        yield return ("DequantizeLinear, int4", m.With("DequantizeLinear", [m.Constant(Tensor.OfInt4([1, -8, 7], 3)), m.Constant(Tensor.Scalar(0.1f))]));
        m = new(13);
        yield return ("DynamicQuantizeLinear", m.With("DynamicQuantizeLinear", [m.Floats(2, 3)], 3));
        m = new(13);
        yield return ("MatMulInteger", m.With("MatMulInteger", [m.Input(Tensor.Of([1, 2, 3, 4, 5, 6], 2, 3).AsBytes()), m.Constant(Tensor.Of([1, 2, 3], 3, 1).AsBytes())]));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Infer_OneOperator_FindsTypeAndShapeThatOnnxRuntimeComputes(string name)
    {
        var one = Cases().Single(c => c.Name == name).Model;

        ShapeInference.Infer(one.Model);

        var results = one.Run();
        for (int i = 0; i < results.Length; i++)
            Assert.AreEqual($"y{i}: {results[i]}", one.Graph.Outputs[i].ToString());
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Infer_SameOperatorWithNamedFirstDimension_SaysNothingThatTheRunContradicts(string name)
    {
        var one = Cases().Single(c => c.Name == name).Model;
        var results = one.Run();
        foreach (var input in one.Graph.Inputs.Where(i => i.Shape!.Count > 1))
            input.Shape = [input.Shape![0].Size is 1 ? 1 : "n" + input.Shape[0].Size, .. input.Shape.Skip(1)];

        ShapeInference.Infer(one.Model);

        for (int i = 0; i < results.Length; i++)
        {
            var shape = one.Graph.Outputs[i].Shape;
            if (shape is null)
                continue;
            Assert.AreEqual(results[i].Rank, shape.Count);
            for (int d = 0; d < shape.Count; d++)
                if (shape[d] is { Size: { } size })
                    Assert.AreEqual(results[i].Shape[d], size, $"dimension {d} of {one.Graph.Outputs[i]}");
                else if (shape[d].Symbol is { } symbol && long.TryParse(symbol.AsSpan(1), out long named) && symbol[0] == 'n')
                    Assert.AreEqual(results[i].Shape[d], named, $"dimension {d} of {one.Graph.Outputs[i]}");
        }
    }
}

static class TensorsForTests
{
    /// <summary>The same small integers as uint8.</summary>
    public static Tensor AsBytes(this Tensor tensor) =>
        Tensor.OfBytes(ElementType.UInt8, Array.ConvertAll(tensor.ToIntegers(), v => (byte)v), [.. tensor.Shape]);
}
