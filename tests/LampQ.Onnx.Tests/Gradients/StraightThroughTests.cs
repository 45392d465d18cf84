using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

/// <summary>Rules that are estimates by definition: held to the definition, as their true derivative is 0 almost everywhere.</summary>
[TestClass]
public sealed class StraightThroughTests
{
    [TestMethod]
    [DataRow("Round")]
    [DataRow("Floor")]
    [DataRow("Ceil")]
    public void Rounding_Gradient_PassesUnchanged(string op)
    {
        var model = Model.Create(13);
        model.Graph.AddOutput(model.Graph.Emit(op, [model.Graph.AddInput("x", ElementType.Float, 3)]));
        var inputs = new Dictionary<string, Tensor> { ["x"] = Tensor.Of([.2f, 1.7f, -3.4f]), ["cotangent"] = Tensor.Of([1f, -2, 3]) };
        CollectionAssert.AreEqual(new[] { 1f, -2, 3 }, Gradients(model, inputs, "x")[0]);
    }

    // Scale ¼ and zero point 2 in int8: the range is (−128 − 2)/4 = −32.5 to (127 − 2)/4 = 31.25. All numbers are exact in float.
    [TestMethod]
    public void Quantization_PerTensor_PassesInsideAndStopsOutside()
    {
        var model = Quantized([4], [], Tensor.Scalar((sbyte)2), axis: null);
        var inputs = new Dictionary<string, Tensor> { ["x"] = Tensor.Of([.3f, -32.5f, -33f, 31.5f]), ["s"] = Tensor.Scalar(.25f), ["cotangent"] = Tensor.Of([1f, 2, 4, 8]) };
        var gradients = Gradients(model, inputs, "x", "s");
        CollectionAssert.AreEqual(new[] { 1f, 2, 0, 0 }, gradients[0]);
        // LSQ: inside round(x/s) − x/s, outside the bound: 1·(1 − 1.2) + 2·(−130 + 130) + 4·(−130) + 8·125, the first rounded in float.
        Assert.AreEqual(-.2 + 4 * -130 + 8 * 125, gradients[1][0], 1e-3);
    }

    [TestMethod]
    public void Quantization_PerChannel_UsesEachChannelsScale()
    {
        var model = Quantized([2, 2], [2], Tensor.Of(new byte[] { 0, 128 }), axis: 0);
        var inputs = new Dictionary<string, Tensor>
        {
            // Channel 0 covers 0 to 255/2, channel 1 covers −64 to 63.5.
            ["x"] = Tensor.Of([-1f, 100, -1, 100], 2, 2), ["s"] = Tensor.Of([.5f, .5f]), ["cotangent"] = Tensor.Of([1f, 2, 3, 4], 2, 2),
        };
        var gradients = Gradients(model, inputs, "x", "s");
        CollectionAssert.AreEqual(new[] { 0f, 2, 3, 0 }, gradients[0]);
        // x/s is whole, so inside counts 0; outside the bound counts: 1·(0) and 4·127.
        CollectionAssert.AreEqual(new[] { 0f, 508 }, gradients[1]);
    }

    [TestMethod]
    public void Quantization_StoredIntegers_HandTheirGradientOn()
    {
        var model = Model.Create(13);
        var q = model.Graph.AddInitializer("q", Tensor.Of(new sbyte[] { 3, -5 }));
        model.Graph.AddOutput(model.Graph.Emit("DequantizeLinear", [q, model.Graph.AddInitializer("s", Tensor.Scalar(.5f))]));
        CollectionAssert.AreEqual(new[] { 1f, 2 }, Gradients(model, new Dictionary<string, Tensor> { ["cotangent"] = Tensor.Of([2f, 4]) }, "q")[0]);
    }

    // Inside a geometric table the estimate is that of the line through both neighbours, x̂·sinh(ln 2·step)/(ln 2·step) for each unit of log2 x; Clip stops it outside.
    [TestMethod]
    public void Gather_CodesOfALogQuantizer_PassTheSlopeOfTheTable()
    {
        var quantizer = new LogQuantizer(1, 0.5, 0, 4, ZeroState.None);
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, 4);
        var parameters = quantizer.Parameters.ToDictionary(p => p.Name, p => model.Graph.AddInitializer(p.Name, p.Value));
        model.Graph.AddOutput(quantizer.Emit(model.Graph, x, name => parameters[name], "map"));
        float[] values = [.6f, .3f, .05f, 1.5f];
        float[] gradient = Gradients(model, new Dictionary<string, Tensor> { ["x"] = Tensor.Of(values), ["cotangent"] = Tensor.Of([1f, 2, 3, 4]) }, "x")[0];
        double step = Math.Log(2) * 0.5;
        for (int i = 0; i < 3; i++)
            Assert.AreEqual((i + 1) * quantizer.Apply(values[i]) / values[i] * Math.Sinh(step) / step, gradient[i], 0.05 * (i + 1), $"x = {values[i]}");
        Assert.AreEqual(0, gradient[3]);
    }

    static Model Quantized(long[] shape, long[] scaleShape, Tensor zeros, long? axis)
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, [.. shape.Select(d => (Dimension)d)]);
        var s = model.Graph.AddInput("s", ElementType.Float, [.. scaleShape.Select(d => (Dimension)d)]);
        var z = model.Graph.AddInitializer("z", zeros);
        (string, object)[] attributes = axis is { } a ? [("axis", a)] : [];
        model.Graph.AddOutput(model.Graph.Emit("DequantizeLinear", [model.Graph.Emit("QuantizeLinear", [x, s, z], attributes), s, z], attributes));
        return model;
    }

    static float[][] Gradients(Model model, Dictionary<string, Tensor> inputs, params string[] wanted)
    {
        var gradient = GradientGraph.Build(model, Loss.InnerProduct, wanted);
        // Without optimization: what is checked is the backward graph, not how ONNX Runtime fuses the forward pair.
        using var session = new OnnxSession(gradient.Model, new() { Optimize = false });
        return [.. session.Run(GradientCheck.Only(session, inputs), [.. wanted.Select(w => gradient.Gradients[w])]).Select(t => t.ToFloats())];
    }
}
