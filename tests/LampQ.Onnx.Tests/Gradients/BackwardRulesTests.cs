using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Onnx.Tests;

/// <summary>The seam itself: another set of rules on the same walk.</summary>
[TestClass]
public sealed class BackwardRulesTests
{
    [TestMethod]
    public void Build_WithARelevanceRule_SharesOutWhatArrivesAndLosesNothing()
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 1, 2);
        var hidden = model.Graph.Emit("MatMul", [x, model.Graph.AddInitializer("w1", Tensor.Of([1f, 2, 3, -1], 2, 2))]);
        model.Graph.AddOutput(model.Graph.Emit("MatMul", [hidden, model.Graph.AddInitializer("w2", Tensor.Of([2f, 1, 1, 4], 2, 2))]));
        var rules = new BackwardRules("relevance", [.. BackwardRule.All.Where(r => r.RuleSet == "gradients"), new ProductRelevance()]);

        var relevance = GradientGraph.Build(model, Loss.ClassScore, ["x"], rules);
        using var session = new OnnxSession(relevance.Model);
        var inputs = new Dictionary<string, Tensor> { ["x"] = Tensor.Of([1f, 2], 1, 2), ["labels"] = Tensor.Of([0L], 1) };
        float[] found = session.Run(inputs, [relevance.Gradients["x"]])[0].ToFloats();

        // x·w1 = (7, 0), (7, 0)·w2 = (14, 7). Class 0 has relevance 1, all of it through hidden 0 = 1·1 + 2·3: shares 1/7 and 6/7.
        Assert.AreEqual(1.0 / 7, found[0], 1e-6);
        Assert.AreEqual(6.0 / 7, found[1], 1e-6);
    }

    [TestMethod]
    public void Find_ALaterRuleForAnOperator_TakesThePlaceOfTheEarlier()
    {
        var rule = new ProductRelevance();
        var rules = new BackwardRules("mixed", [BackwardRule.MatMul, rule]);
        var model = Model.Create(17);
        var node = model.Graph.AddNode("MatMul", [], ["y"]);
        Assert.AreSame(rule, rules.Find(node));
        Assert.IsNull(rules.Find(model.Graph.AddNode("MatMul", [], ["z"], domain: "com.example")), "another domain is another operator");
    }

    [TestMethod]
    public void Apply_ARuleThatForgetsAnInput_IsFoundOut()
    {
        var model = Model.Create(17);
        model.Graph.AddOutput(model.Graph.Emit("Relu", [model.Graph.AddInput("x", ElementType.Float, 1)], "y"));
        var e = Assert.ThrowsException<NotSupportedException>(() => GradientGraph.Build(model, Loss.InnerProduct, ["x"], new BackwardRules("empty", [new Forgetful()])));
        StringAssert.Contains(e.Message, "'y' (Relu)");
        StringAssert.Contains(e.Message, "input 0 ('x')");
    }

    /// <summary>LRP-0: Rx = x∘((R/z)·Wᵀ), z = x·W, 0 where z = 0.</summary>
    sealed class ProductRelevance : BackwardRule
    {
        public override IReadOnlyList<string> Operators => ["MatMul"];

        public override string RuleSet => "relevance";

        protected override void ApplyCore(BackwardStep step)
        {
            var emit = step.Emit;
            var z = step.Node.Output;
            var none = emit.Equal(z, emit.Number(0, z.Type));
            var share = emit.ZeroWhere(none, emit.Div(step.Incoming, emit.Where(none, emit.Number(1, z.Type), z)));
            step.Give(0, () => emit.Mul(step.Input(0), emit.MatMul(share, emit.TransposeMatrix(step.Input(1)))));
        }
    }

    sealed class Forgetful : BackwardRule
    {
        public override IReadOnlyList<string> Operators => ["Relu"];

        protected override void ApplyCore(BackwardStep step) { }
    }
}
