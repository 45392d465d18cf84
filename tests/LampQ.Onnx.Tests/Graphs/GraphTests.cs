namespace LampQ.Onnx.Tests;

[TestClass]
public class GraphTests
{
    readonly Model model = Model.Create(17);

    Graph Graph => model.Graph;

    [TestMethod]
    public void SetInput_AnotherValue_MovesTheUse()
    {
        var (a, b) = (Graph.AddInput("a", ElementType.Float, 2), Graph.AddInput("b", ElementType.Float, 2));
        var node = Graph.AddNode("Add", [a, a], ["y"]);
        Assert.AreEqual(2, a.Uses.Count);

        node.SetInput(1, b);

        CollectionAssert.AreEqual(new[] { new Use(node, 0) }, a.Uses.ToArray());
        CollectionAssert.AreEqual(new[] { new Use(node, 1) }, b.Uses.ToArray());
    }

    [TestMethod]
    public void TrimInputs_TakesTheUsesAway()
    {
        var a = Graph.AddInput("a", ElementType.Float, 2);
        var node = Graph.AddNode("Clip", [a, a, a], ["y"]);

        node.TrimInputs(1);

        Assert.AreEqual(1, node.Inputs.Count);
        CollectionAssert.AreEqual(new[] { new Use(node, 0) }, a.Uses.ToArray());
    }

    [TestMethod]
    public void ReplaceUses_ExceptOneNode_LeavesThatNodeAlone()
    {
        var a = Graph.AddInput("a", ElementType.Float, 2);
        var wrapper = Graph.AddNode("Relu", [a], ["r"]);
        var user = Graph.AddNode("Add", [a, a], ["y"]);

        Graph.ReplaceUses(a, wrapper.Output, except: wrapper);

        Assert.AreSame(wrapper, a.OnlyConsumer);
        Assert.AreSame(wrapper.Output, user.Input(0));
        Assert.AreSame(wrapper.Output, user.Input(1));
    }

    [TestMethod]
    public void Replace_Node_KeepsNamePlaceAndOutputs()
    {
        var a = Graph.AddInput("a", ElementType.Float, 2);
        var old = Graph.AddNode("Relu", [a], ["y"], name: "n");
        Graph.AddOutput(old.Output);

        var node = Graph.Replace(old, "Tanh", a);

        Assert.AreSame(node, Graph.Nodes.Single());
        Assert.AreSame(node, Graph.Outputs.Single().Producer);
        Assert.AreSame(node, a.OnlyConsumer);
        Assert.AreEqual("n", node.Name);
    }

    [TestMethod]
    public void NewName_TakenNames_CountsUpwards()
    {
        Graph.AddInput("x", ElementType.Float, 1);
        Graph.AddInput("x_1", ElementType.Float, 1);

        Assert.AreEqual("free", Graph.NewName("free"));
        Assert.AreEqual("x_2", Graph.NewName("x"));
    }

    [TestMethod]
    public void Rename_ToATakenName_IsRefused()
    {
        var a = Graph.AddInput("a", ElementType.Float, 1);
        Graph.AddInput("b", ElementType.Float, 1);

        Assert.ThrowsException<ArgumentException>(() => Graph.Rename(a, "b"));
        Graph.Rename(a, "c");
        Assert.AreSame(a, Graph.Find("c"));
        Assert.IsNull(Graph.Find("a"));
    }

    [TestMethod]
    public void Sort_NodesAddedBackwards_PutsEachBehindWhatItNeeds()
    {
        var a = Graph.AddInput("a", ElementType.Float, 1);
        var last = Graph.AddNode("Relu", [a], ["y"]);
        var first = Graph.AddNode("Tanh", [a], ["t"]);
        last.SetInput(0, first.Output);

        Graph.Sort();

        CollectionAssert.AreEqual(new[] { first, last }, Graph.Nodes.ToArray());
    }

    [TestMethod]
    public void Sort_Cycle_NamesANodeOfIt()
    {
        var a = Graph.AddInput("a", ElementType.Float, 1);
        var one = Graph.AddNode("Relu", [a], ["y"], name: "one");
        var two = Graph.AddNode("Tanh", [one.Output], ["t"], name: "two");
        one.SetInput(0, two.Output);

        StringAssert.Contains(Assert.ThrowsException<InvalidDataException>(Graph.Sort).Message, "'one'");
    }

    [TestMethod]
    public void RemoveUnused_KeepsWhatOutputsNeedOnly()
    {
        var a = Graph.AddInput("a", ElementType.Float, 1);
        var w = Graph.AddInitializer("w", Tensor.Of([1f]));
        var kept = Graph.Emit("Relu", [a], "kept");
        Graph.Emit("Add", [Graph.Emit("Add", [kept, w], "dead"), w], "deader");
        Graph.AddOutput(kept);

        Graph.RemoveUnused();

        Assert.AreEqual("Relu", string.Join(",", Graph.Nodes.Select(n => n.OpType)));
        Assert.AreEqual("a,kept", string.Join(",", Graph.Values.Select(v => v.Name).Order()));
        Assert.AreEqual(0, kept.Uses.Count);
    }

    [TestMethod]
    public void Remove_NodeWhoseOutputIsUsed_IsRefused()
    {
        var a = Graph.AddInput("a", ElementType.Float, 1);
        var node = Graph.AddNode("Relu", [a], ["r"]);
        Graph.Emit("Tanh", [node.Output], "t");

        Assert.ThrowsException<InvalidOperationException>(() => Graph.Remove(node));
    }

    [TestMethod]
    public void Clone_ChangedAfterwards_LeavesTheOriginalAsItWas()
    {
        var a = Graph.AddInput("a", ElementType.Float, 3);
        var node = Graph.AddNode("Softmax", [a], ["y"], attributes: ("axis", 0));
        Graph.AddOutput(node.Output);
        byte[] before = model.ToBytes();

        var copy = model.Clone();
        CollectionAssert.AreEqual(before, copy.ToBytes());
        copy.Graph.Nodes[0].Set("axis", -1);
        copy.Graph.Rename(copy.Graph.Outputs[0], "z");
        copy.Opset = 21;

        CollectionAssert.AreEqual(before, model.ToBytes());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void OfInt4_AnyCount_UnpacksToTheSameValues(int count)
    {
        sbyte[] values = [.. Enumerable.Range(0, count).Select(i => (sbyte)(i * 5 % 16 - 8))];

        var tensor = Tensor.OfInt4(values);

        Assert.AreEqual((count + 1) / 2, tensor.Bytes.Length);
        CollectionAssert.AreEqual(Array.ConvertAll(values, v => (long)v), tensor.ToIntegers());
        Assert.AreEqual(values[0] & 15, tensor.Bytes.Span[0] & 15);
    }

    [TestMethod]
    [DataRow(-9)]
    [DataRow(8)]
    public void OfInt4_ValueOutsideItsRange_IsRefused(int value) =>
        Assert.ThrowsException<ArgumentOutOfRangeException>(() => Tensor.OfInt4([(sbyte)value]));

    [TestMethod]
    public void OfBytes_WrongLength_NamesBothLengths()
    {
        string message = Assert.ThrowsException<ArgumentException>(() => Tensor.OfBytes(ElementType.Float, new byte[7], 2)).Message;

        StringAssert.Contains(message, "8");
        StringAssert.Contains(message, "7");
    }
}
