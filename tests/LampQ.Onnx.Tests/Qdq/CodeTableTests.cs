namespace LampQ.Onnx.Tests;

/// <summary>Formulas of other than uniform codes read back from a graph, and as tables of thresholds, against the quantizers that wrote them.</summary>
[TestClass]
public sealed class CodeTableTests
{
    public static IEnumerable<object[]> Quantizers =>
        from bits in new[] { 2, 4, 8 }
        from quantizer in new ActivationQuantizer[]
        {
            new LogQuantizer(1, 1, 0, bits, ZeroState.LastCode), new LogQuantizer(.7f, .5, 0, bits, ZeroState.None), new LogQuantizer(1, 47 / 37.0, 0, bits, ZeroState.Extra), new LogQuantizer(5.3f, 20 / 37.0, .17f, bits, ZeroState.LastCode),
            new TwinQuantizer(new(.02f, -(1 << (bits - 1)), 0), new(.31f, 0, (1 << (bits - 1)) - 1), 0, bits), new TwinQuantizer(new(.01f, 0, (1 << (bits - 1)) - 1), new(.2f, 1 << (bits - 1), 1 << bits), 1.3f, bits),
        }
        select new object[] { quantizer };

    [TestMethod]
    [DynamicData(nameof(Quantizers))]
    public void Of_FormulaInAGraph_SaysWhatTheQuantizerSays(ActivationQuantizer quantizer)
    {
        var model = Model.Create(17);
        var x = model.Graph.AddInput("x", ElementType.Float, 4);
        model.Graph.AddOutput(new QdqActivation(model.Graph).Write(x, quantizer, "x"));
        var written = Model.Read(model.ToBytes()).Graph;
        var coded = CodedActivation.Match(written.Outputs[0])!;
        Assert.AreEqual("x", coded.Source.Name);
        CollectionAssert.AreEquivalent(written.Inputs[0].Uses.Select(u => u.Node).Distinct().ToArray(), coded.Readers.ToArray());

        var table = CodeTable.Of(coded.Apply, -1000, 1000)!;
        var random = new Random(6);
        float[] values = [0, -0f, 1, -1, 1000, -1000, .. table.Thresholds, .. table.Thresholds.Select(MathF.BitDecrement), .. Enumerable.Range(0, 3000).Select(_ => (float)((random.NextDouble() - .3) * Math.Pow(10, random.Next(-8, 3))))];
        foreach (float v in values)
        {
            Assert.AreEqual(quantizer.Apply(v), coded.Apply(v), $"{quantizer} of {v:R}, in the graph's numbers");
            Assert.AreEqual(quantizer.Apply(v), table.Apply(v), $"{quantizer} of {v:R}, by the table");
        }
        CollectionAssert.AreEqual(table.Values.Order().ToArray(), table.Values);
    }

    [TestMethod]
    public void Of_RuleThatFallsOrHasTooManyValues_IsNone()
    {
        Assert.IsNull(CodeTable.Of(x => MathF.Round(x), 0, 1000), "1001 values");
        Assert.IsNull(CodeTable.Of(x => x < 3 ? 1 : x < 5 ? 0 : 2, 0, 10), "falls");
        Assert.IsNull(CodeTable.Of(x => x < 3 ? 1 : float.PositiveInfinity, 0, 10), "no number");
        Assert.AreEqual(0, CodeTable.Of(_ => 7, -1, 1)!.Thresholds.Length);
    }

    [TestMethod]
    public void Match_NumbersThatAreNoConstantsOrNoCode_IsNone()
    {
        foreach (var change in new Action<Graph>[]
        {
            g => Swap(g.Nodes.First(n => n.Is("Gather")).Input(0)!, t => [.. t.Reverse()]),
            g => Swap(g.Nodes.First(n => n.Is("Gather")).Input(0)!, t => t[..2]),
            g => Swap(g.Nodes.First(n => n.Is("Clip")).Input(1)!, _ => [-1]),
            g => Swap(g.Nodes.First(n => n.Is("Mul")).Input(1)!, t => [-t[0]]),
            g => g.Nodes.First(n => n.Is("Mul")).SetInput(1, g.AddInput("factor", ElementType.Float)),
        })
        {
            var model = Model.Create(17);
            var y = new QdqActivation(model.Graph).Write(model.Graph.AddInput("x", ElementType.Float, 4), new LogQuantizer(1, 1, 0, 4, ZeroState.LastCode), "x");
            Assert.IsNotNull(CodedActivation.Match(y));
            change(model.Graph);
            Assert.IsNull(CodedActivation.Match(y));
            Assert.IsNotNull(CodedActivation.SourceOf(y), "It still has the form.");
        }

        void Swap(Value value, Func<float[], float[]> by)
        {
            var changed = by(value.Constant!.ToFloats());
            Graph(value).SetInitializer(value, value.Constant!.Rank == 0 ? Tensor.Scalar(changed[0]) : Tensor.Of(changed));
        }

        static Graph Graph(Value value) => value.Uses.First().Node.Graph;
    }
}
