using LampQ.Onnx;

namespace LampQ.Onnx.Tests;

[TestClass]
public sealed class LossTests
{
    public static IEnumerable<object[]> Names => Loss.All.Select(l => new object[] { l.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Attach_EveryLoss_SeedsItsOwnDerivative(string name)
    {
        // Differences of 2/32 along a direction must not change the largest logit, which one of the losses follows.
        var inputs = new Dictionary<string, Tensor>
        {
            ["logits"] = Tensor.Of([.5f, -1, 2, .1f, -.3f, 1, 2, 0, -1, .4f, .9f, -2], 3, 4),
            ["labels"] = Tensor.Of([2, 0, 3L], 3),
            ["cotangent"] = Tensor.Of([1f, 2, -1, .5f, .2f, 0, 1, -2, 3, 1, -.5f, .1f], 3, 4),
            ["target"] = Tensor.Of([1f, 0, .5f, .5f, .2f, 0, 1, -1, 0, 1, -.5f, .1f], 3, 4),
            ["reference"] = Tensor.Of([.1f, .2f, .3f, .4f, 0, 0, 1, 0, .25f, .25f, .25f, .25f], 3, 4),
        };
        var model = Model.Create(13);
        var logits = model.Graph.AddInput("logits", ElementType.Float, 3, 4);
        var half = model.Graph.AddInitializer("half", Tensor.Scalar(.5f));
        model.Graph.AddOutput(model.Graph.Emit("Mul", [logits, half]));
        GradientCheck.AlongDirections(model, Loss.All.Single(l => l.Name == name), inputs, ["logits"], seed: 3);
    }

    [TestMethod]
    public void Attach_NllOfKnownLogits_IsTheTextbookNumber()
    {
        var model = Model.Create(11);
        model.Graph.AddOutput(model.Graph.Emit("Identity", [model.Graph.AddInput("logits", ElementType.Float, 2, 2)]));
        var gradient = GradientGraph.Build(model, Loss.NegativeLogLikelihood, ["logits"]);
        using var session = new LampQ.Runtime.OnnxSession(gradient.Model);
        var inputs = new Dictionary<string, Tensor> { ["logits"] = Tensor.Of([0f, 0, MathF.Log(3), 0], 2, 2), ["labels"] = Tensor.Of([1, 0L], 2) };
        var results = session.Run(inputs, [gradient.Loss, gradient.Gradients["logits"]]);
        float[] loss = results[0].ToFloats(), slope = results[1].ToFloats();
        // ln 2 and ln 4/3; slopes p − onehot with p = (½, ½) and (¾, ¼). A few roundings: 1e-6.
        Assert.AreEqual(Math.Log(2), loss[0], 1e-6);
        Assert.AreEqual(Math.Log(4.0 / 3), loss[1], 1e-6);
        foreach (var (expected, found) in new[] { .5f, -.5f, -.25f, .25f }.Zip(slope))
            Assert.AreEqual(expected, found, 1e-6);
    }

    [TestMethod]
    public void Attach_KlAtTheReferenceItself_IsZeroWithZeroSlope()
    {
        var model = Model.Create(13);
        model.Graph.AddOutput(model.Graph.Emit("Identity", [model.Graph.AddInput("logits", ElementType.Float, 1, 2)]));
        var gradient = GradientGraph.Build(model, Loss.KullbackLeibler, ["logits"]);
        using var session = new LampQ.Runtime.OnnxSession(gradient.Model);
        var results = session.Run(new Dictionary<string, Tensor> { ["logits"] = Tensor.Of([MathF.Log(3), 0], 1, 2), ["reference"] = Tensor.Of([.75f, .25f], 1, 2) });
        foreach (var result in results)
            foreach (float number in result.ToFloats())
                Assert.AreEqual(0, number, 1e-6);
    }

    [TestMethod]
    public void Attach_IntegerOutput_IsRefused()
    {
        var model = Model.Create(13);
        model.Graph.AddOutput(model.Graph.Emit("ArgMax", [model.Graph.AddInput("x", ElementType.Float, 1, 2)]));
        var e = Assert.ThrowsException<NotSupportedException>(() => GradientGraph.Build(model, Loss.InnerProduct, ["x"]));
        StringAssert.Contains(e.Message, "Int64");
    }
}
