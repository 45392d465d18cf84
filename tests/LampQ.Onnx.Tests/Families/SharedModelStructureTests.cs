namespace LampQ.Onnx.Tests;

/// <summary>What is found in real models; their layers were counted by hand in the listings of their nodes.</summary>
[TestClass]
public class SharedModelStructureTests
{
    [TestMethod]
    [DataRow(SharedModels.DeitTiny)]
    [DataRow(SharedModels.VitTiny)]
    public void Detect_TinyImageNetVit_FindsAllFiftyLayers(string file)
    {
        var family = ModelFamily.Detect(SharedModels.Read(file), out var structure);

        Assert.AreSame(ModelFamily.VisionTransformer, family);
        Assert.AreEqual("patch-embedding 1, qkv 12, proj 12, fc1 12, fc2 12, head 1", Count(structure));
        Assert.AreEqual(50, structure.Layers.Count);
        Assert.IsTrue(structure.Attentions.All(a => a is { Heads: 3, HeadSize: 64, Proj: not null, ScoreScale: not null, KeepsTokenOrder: true }));
        Assert.AreEqual(12, structure.Attentions.Count);
        Assert.AreEqual(25, structure.Norms.Count);
        Assert.IsTrue(structure.Norms.All(n => n is { FeedsOnlyLayers: true, Consumers.Count: 1 }));
        Assert.AreEqual(0, structure.Unrecognized.Count);
        Assert.AreEqual("blocks.11.attn.qkv", structure.Layers[45].Name);
        // Key head 2 starts behind 192 query channels and two heads of 64.
        Assert.AreEqual(192 + 2 * 64, structure.Attentions[11].KChannels[2, 0]);
    }

    [TestMethod]
    public void Detect_MnistVit_FindsLayersWithoutBiasAndAClassifierOfTwo()
    {
        ModelFamily.Detect(SharedModels.Read(SharedModels.VitMnist), out var structure);

        Assert.AreEqual("patch-embedding 1, qkv 6, proj 6, fc1 6, fc2 6, linear 1, head 1", Count(structure));
        Assert.IsTrue(structure.Layers.Where(l => l.Type == LayerType.Qkv).All(l => l.Bias is null));
        Assert.IsTrue(structure.Attentions.Count == 6 && structure.Attentions.All(a => a is { Heads: 8, HeadSize: 8, KeepsTokenOrder: true }));
        Assert.AreEqual("/h1/Gemm", structure.Unrecognized.Single().Name);
    }

    [TestMethod]
    public void Detect_PlateReader_FindsLayersOfAttentionWrittenTheOtherWayRound()
    {
        ModelFamily.Detect(SharedModels.Read(SharedModels.Plates), out var structure);

        Assert.AreEqual("linear 1, q 5, k 5, v 5, proj 5, fc1 4, fc2 4, head 1", Count(structure));
        Assert.AreEqual(0, structure.Attentions.Count);
        Assert.AreEqual(8, structure.Unrecognized.Count(u => u.Op == "Conv"));
        Assert.AreEqual(4, structure.Unrecognized.Count(u => u.Reason.Contains("K·Qᵀ", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Detect_Detector_FindsDecoderLayersAndNamesTheRest()
    {
        ModelFamily.Detect(SharedModels.Read(SharedModels.Detector), out var structure);

        Assert.AreEqual(3, structure.Attentions.Count);
        Assert.IsTrue(structure.Attentions.All(a => a is { Heads: 8, HeadSize: 8, HeadsShareBatchAxis: true }));
        Assert.AreEqual(46, structure.Layers.Count);
        // The gated MLP of each of three decoder layers: one product for gate and value, one behind. Heads with SiLU are no MLP of a block.
        Assert.AreEqual((3, 3), (structure.Layers.Count(l => l.Type == LayerType.Fc1), structure.Layers.Count(l => l.Type == LayerType.Fc2)));
        Assert.AreEqual(49, structure.Unrecognized.Count(u => u.Op == "Conv"));
        // One box head serves three decoder layers.
        var shared = structure.Layers.Where(l => l.Name.StartsWith("model.decoder.dec_bbox_head.0.layers.0", StringComparison.Ordinal)).ToList();
        Assert.AreEqual((3, 1), (shared.Count, shared.Select(l => l.Group).Distinct().Count()));
    }

    /// <summary>Types in the order in which they first appear.</summary>
    static string Count(ModelStructure structure) => string.Join(", ", structure.Layers.GroupBy(l => l.Type).Select(g => $"{g.Key.Word()} {g.Count()}"));
}
