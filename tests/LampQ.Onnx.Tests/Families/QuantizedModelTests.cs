using LampQ.Testing;

namespace LampQ.Onnx.Tests;

[TestClass]
public class QuantizedModelTests
{
    [TestMethod]
    public void IsQuantized_FloatModel_IsFalseWithoutEvidence()
    {
        Assert.IsFalse(QuantizedModel.IsQuantized(new TinyVit().Build(), out string evidence));
        Assert.AreEqual("", evidence);
    }

    [TestMethod]
    [DataRow("DequantizeLinear", "")]
    [DataRow("QLinearMatMul", "")]
    [DataRow("MatMulInteger", "")]
    [DataRow("MatMulNBits", "com.microsoft")]
    [DataRow("Anything", "ai.lampq")]
    public void IsQuantized_QuantizingNode_IsTheEvidence(string op, string domain)
    {
        var model = new TinyVit().Build();
        model.Graph.AddNode(op, [model.Graph.Inputs[0]], ["first"], domain, "first");
        model.Graph.AddNode(op, [model.Graph.Inputs[0]], ["second"], domain, "second");

        Assert.IsTrue(QuantizedModel.IsQuantized(model, out string evidence));
        Assert.AreEqual($"'first' ({op}) and 1 more", evidence);
    }
}
