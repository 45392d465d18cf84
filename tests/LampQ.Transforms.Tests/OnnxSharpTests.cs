#if LAMPQ_ONNXSHARP
using Google.Protobuf;
using LampQ.Onnx;
using LampQ.Testing;
using Onnx;
#endif

namespace LampQ.Transforms.Tests;

/// <summary>OnnxSharp's models come and go as bytes; skipped where that package does not restore.</summary>
[TestClass]
[TestCategory("RealMLNet")]
public class OnnxSharpTests
{
    [TestMethod]
    public void ModelRead_OfAModelThatOnnxSharpChanged_AndBack_KeepsWhatBothDid()
    {
#if LAMPQ_ONNXSHARP
        // Theirs to ours: a model that OnnxSharp has parsed and changed.
        var theirs = ModelProto.Parser.ParseFrom(new TinyVit { DynamicBatch = true }.Build().ToBytes());
        theirs.Graph.Name = "renamed by OnnxSharp";

        var ours = Model.Read(theirs.ToByteArray());

        Assert.AreEqual("renamed by OnnxSharp", ours.Graph.Name);
        Assert.AreEqual(theirs.Graph.Node.Count, ours.Graph.Nodes.Count);

        // Ours to theirs.
        ours.Graph.Rename(ours.Graph.Outputs[0], "scores");

        var back = ModelProto.Parser.ParseFrom(ours.ToBytes());

        Assert.AreEqual("scores", back.Graph.Output.Single().Name);
        CollectionAssert.AreEqual(theirs.Graph.Node.Select(n => n.OpType).ToArray(), back.Graph.Node.Select(n => n.OpType).ToArray());
        CollectionAssert.AreEquivalent(theirs.Graph.Initializer.Select(i => $"{i.Name} {string.Join(",", i.Dims)}").ToArray(), back.Graph.Initializer.Select(i => $"{i.Name} {string.Join(",", i.Dims)}").ToArray());
#else
        Assert.Inconclusive("Needs the package OnnxSharp, which this build is without.");
#endif
    }
}
