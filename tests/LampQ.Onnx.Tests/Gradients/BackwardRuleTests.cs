using LampQ.Onnx;

namespace LampQ.Onnx.Tests;

[TestClass]
public sealed class BackwardRuleTests
{
    public static IEnumerable<object[]> Cases => RuleCases.All.Select(c => new object[] { c.ToString() });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Apply_EveryCase_AgreesWithFiniteDifferences(string name)
    {
        var c = RuleCases.All.Single(c => c.ToString() == name).Built();
        GradientCheck.AgainstDifferences(c.Model, c.Inputs, [.. c.Inputs.Where(i => i.Value.Type == ElementType.Float).Select(i => i.Key)], c.Seed);
    }

    [TestMethod]
    public void All_EveryOperatorWithAGradient_HasACase()
    {
        // Estimates rather than derivatives; StraightThroughTests holds them to their definition.
        string[] straightThrough = ["Round", "Floor", "Ceil", "QuantizeLinear", "DequantizeLinear"];
        var covered = RuleCases.All.SelectMany(c => c.Built().Model.Graph.Nodes).Select(n => n.OpType).Concat(straightThrough).ToHashSet();
        var missing = BackwardRules.Gradients.Operators.Where(op => !covered.Contains(op));
        Assert.AreEqual("", string.Join(", ", missing), "operators that have a gradient rule but no case in RuleCases");
    }

    [TestMethod]
    public void All_TwoRulesOfOneSet_NeverCoverTheSameOperator()
    {
        var twice = BackwardRule.All.SelectMany(r => r.Operators.Select(op => (r.RuleSet, op))).GroupBy(p => p).Where(g => g.Count() > 1).Select(g => g.Key.op);
        Assert.AreEqual("", string.Join(", ", twice));
    }
}
