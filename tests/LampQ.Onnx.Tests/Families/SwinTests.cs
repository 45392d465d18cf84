namespace LampQ.Onnx.Tests;

[TestClass]
public class SwinTests
{
    const int C = 8, Heads = 2, Grid = 4, Window = 2;

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Detect_WindowsAndPatchMerging_IsSwinWithReduction(bool mergedBySlices)
    {
        var model = TinySwin(mergedBySlices);

        var family = ModelFamily.Detect(model, out var structure);

        Assert.AreSame(ModelFamily.Swin, family);
        CollectionAssert.AreEqual(new[] { LayerType.PatchEmbedding, LayerType.Qkv, LayerType.Proj, LayerType.Fc1, LayerType.Fc2, LayerType.Reduction, LayerType.Qkv, LayerType.Proj, LayerType.Fc1, LayerType.Fc2, LayerType.Head },
            structure.Layers.Select(l => l.Type).ToArray(), string.Join("\n", structure.Unrecognized));
        var reduction = structure.Layers[5];
        Assert.AreEqual((2 * C, 4 * C, -1), (reduction.OutputChannels, reduction.InputChannels, reduction.Block));
        Assert.AreEqual(0, structure.Unrecognized.Count);
        // 4×4 tokens in windows of 2×2, then 2×2 tokens in one window.
        CollectionAssert.AreEqual(new[] { 4, 1 }, structure.Attentions.Select(a => a.Windows).ToArray());
        Assert.IsTrue(structure.Attentions.All(a => a.KeepsTokenOrder));
        for (int h = 0; h < Heads; h++)
            for (int c = 0; c < C / Heads; c++)
                Assert.AreEqual((h * C / Heads + c, C + h * C / Heads + c, h * C / Heads + c),
                    (structure.Attentions[0].QChannels[h, c], structure.Attentions[0].KChannels[h, c], structure.Attentions[0].ProjChannels![h, c]));
        // The norm before attention reaches qkv cut into windows, channels in place; the one behind merging feeds the reduction.
        Assert.IsTrue(structure.Norms[0] is { FeedsOnlyLayers: true, Consumers: [{ Type: LayerType.Qkv }] });
        Assert.IsTrue(structure.Norms.Any(n => n is { FeedsOnlyLayers: true, Consumers: [{ Type: LayerType.Reduction }] }));
    }

    static Model TinySwin(bool mergedBySlices)
    {
        var model = Model.Create(17);
        var g = model.Graph;
        var x = g.AddInput("x", ElementType.Float, "batch", 3, 4 * Grid, 4 * Grid);
        x = g.Emit("Conv", [x, W(C, 3, 4, 4), W(C)], ("strides", new long[] { 4, 4 }), ("kernel_shape", new long[] { 4, 4 }));
        x = Transpose(Reshape(x, -1, C, Grid * Grid), 0, 2, 1);
        x = Block(x, Grid, C);
        x = Merge(x);
        x = Block(x, Grid / 2, 2 * C);
        x = Norm(x, 2 * C);
        x = g.Emit("ReduceMean", [x], ("axes", new long[] { 1 }), ("keepdims", 0));
        g.AddOutput(Linear(x, 5, 2 * C));
        return model;

        Value Block(Value x, int grid, int dim)
        {
            int n = grid / Window, d = dim / Heads, tokens = Window * Window;
            var windows = Transpose(Reshape(Norm(x, dim), -1, n, Window, n, Window, dim), 0, 1, 3, 2, 4, 5);
            windows = Reshape(windows, -1, tokens, dim);
            var qkv = Transpose(Reshape(Linear(windows, 3 * dim, dim), -1, tokens, 3, Heads, d), 2, 0, 3, 1, 4);
            // torch leaves d ** −0.5 as Pow of two constants.
            var q = g.Emit("Mul", [Pick(qkv, 0), g.Emit("Pow", [Scalar(d), Scalar(-.5f)])]);
            var scores = g.Emit("MatMul", [q, Transpose(Pick(qkv, 1), 0, 1, 3, 2)]);
            scores = g.Emit("Add", [scores, W(1, Heads, tokens, tokens)]); // relative position bias
            // The mask of shifted windows sees the windows of one image on an axis of their own.
            scores = g.Emit("Add", [Reshape(scores, -1, n * n, Heads, tokens, tokens), W(1, n * n, 1, tokens, tokens)]);
            var map = g.Emit("Softmax", [Reshape(scores, -1, Heads, tokens, tokens)], ("axis", -1));
            var context = Reshape(Transpose(g.Emit("MatMul", [map, Pick(qkv, 2)]), 0, 2, 1, 3), -1, tokens, dim);
            var back = Transpose(Reshape(Linear(context, dim, dim), -1, n, n, Window, Window, dim), 0, 1, 3, 2, 4, 5);
            x = g.Emit("Add", [x, Reshape(back, -1, grid * grid, dim)]);
            var hidden = Linear(Norm(x, dim), 2 * dim, dim);
            var half = g.Emit("Mul", [hidden, g.Emit("Add", [g.Emit("Erf", [g.Emit("Mul", [hidden, Scalar(MathF.Sqrt(.5f))])]), Scalar(1)])]);
            return g.Emit("Add", [x, Linear(g.Emit("Mul", [half, Scalar(.5f)]), dim, 2 * dim)]);
        }

        Value Merge(Value x)
        {
            Value merged;
            if (mergedBySlices)
            {
                x = Reshape(x, -1, Grid, Grid, C);
                merged = g.Emit("Concat", [Every(Every(x, 1, 0), 2, 0), Every(Every(x, 1, 1), 2, 0), Every(Every(x, 1, 0), 2, 1), Every(Every(x, 1, 1), 2, 1)], ("axis", -1));
            }
            else
                merged = Transpose(Reshape(x, -1, Grid / 2, 2, Grid / 2, 2, C), 0, 1, 3, 4, 2, 5);
            merged = Reshape(merged, -1, Grid * Grid / 4, 4 * C);
            return g.Emit("MatMul", [Norm(merged, 4 * C), W(4 * C, 2 * C)]);
        }

        Value Every(Value x, long axis, long first) => g.Emit("Slice", [x, Ints(first), Ints(long.MaxValue), Ints(axis), Ints(2)]);
        Value Norm(Value x, int dim) => g.Emit("LayerNormalization", [x, W(dim), W(dim)], ("axis", -1));
        Value Linear(Value x, int outputs, int inputs) => g.Emit("Add", [g.Emit("MatMul", [x, W(inputs, outputs)]), W(outputs)]);
        Value Reshape(Value x, params long[] shape) => g.Emit("Reshape", [x, Ints(shape)]);
        Value Transpose(Value x, params long[] perm) => g.Emit("Transpose", [x], ("perm", perm));
        Value Pick(Value x, long index) => g.Emit("Gather", [x, g.AddInitializer("index", Tensor.Scalar(index))], ("axis", 0));
        Value Ints(params long[] values) => g.AddInitializer("ints", Tensor.Of(values));
        Value Scalar(float value) => g.AddInitializer("scalar", Tensor.Scalar(value));
        Value W(params long[] shape) => g.AddInitializer("w", Tensor.Of(new float[shape.Aggregate(1L, (a, b) => a * b)], shape));
    }
}
