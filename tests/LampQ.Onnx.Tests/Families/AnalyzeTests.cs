using LampQ.Testing;

namespace LampQ.Onnx.Tests;

/// <summary>Every spelling of one function must give the same layers, attentions and norms.</summary>
[TestClass]
public class AnalyzeTests
{
    public static IEnumerable<object[]> Spellings => TinyVitSpellings.All.Concat(
        [
            new() { Gelu = GeluForm.Tanh },
            new() { Gelu = GeluForm.OpTanh, Opset = 20 },
            new() { Pool = PoolForm.Mean, DynamicBatch = true },
            new() { Distilled = true, DynamicBatch = true },
            new() { QkvBias = false },
            new() { Dim = 24, Heads = 3, Depth = 3, Qkv = QkvForm.HeadsFirst },
            new() { Heads = 1, Qkv = QkvForm.Separate },
        ]).Select(s => new object[] { s });

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Analyze_AnySpelling_FindsEveryLayerOfTheFunction(TinyVit spelling)
    {
        var model = spelling.Build();

        var family = ModelFamily.Detect(model, out var structure);

        Assert.AreSame(ModelFamily.VisionTransformer, family);
        CollectionAssert.AreEqual(Expected(spelling), structure.Layers.Select(Describe).ToList());
        Assert.AreEqual(0, structure.Unrecognized.Count, string.Join("\n", structure.Unrecognized));
        Assert.AreEqual(structure.Layers.Count, structure.Layers.Select(l => l.Name).Distinct().Count(), "names are unique");
        foreach (var layer in structure.Layers)
        {
            Assert.AreSame(model.Graph, layer.Node.Graph);
            Assert.AreSame(layer.Weight, model.Graph.Find(layer.Weight.Name));
            bool hasBias = spelling.QkvBias || layer.Type is not (LayerType.Qkv or LayerType.Q or LayerType.K or LayerType.V);
            Assert.AreEqual(hasBias, layer.Bias is not null, layer.Name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Analyze_AnySpelling_FollowsTheChannelsOfEveryHead(TinyVit spelling)
    {
        var structure = ModelFamily.VisionTransformer.Analyze(spelling.Build());

        Assert.AreEqual(spelling.Depth, structure.Attentions.Count);
        int dim = spelling.Dim, size = spelling.HeadSize;
        for (int block = 0; block < spelling.Depth; block++)
        {
            var attention = structure.Attentions[block];
            Assert.AreEqual((block, spelling.Heads, size, 1, false, true), (attention.Block, attention.Heads, attention.HeadSize, attention.Windows, attention.HeadsShareBatchAxis, attention.KeepsTokenOrder));
            Assert.AreEqual(spelling.Scale is ScaleForm.MulBehind or ScaleForm.DivBehind, attention.ScoreScale is not null);
            if (attention.ScoreScale is not null)
                Assert.AreEqual(1 / Math.Sqrt(size), attention.ScoreFactor!.Value, 1e-6);
            Assert.AreEqual((block, LayerType.Proj), (attention.Proj!.Block, attention.Proj.Type));
            for (int h = 0; h < spelling.Heads; h++)
                for (int c = 0; c < size; c++)
                {
                    // Where the definition of each form puts channel c of head h of queries, keys and values.
                    int[] expected = [.. Enumerable.Range(0, 3).Select(part => spelling.Qkv switch
                    {
                        QkvForm.Separate => h * size + c,
                        QkvForm.HeadsFirst => (h * 3 + part) * size + c,
                        _ => part * dim + h * size + c,
                    })];
                    CollectionAssert.AreEqual(expected, new[] { attention.QChannels[h, c], attention.KChannels[h, c], attention.VChannels[h, c] });
                    Assert.AreEqual(h * size + c, attention.ProjChannels![h, c]);
                }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Analyze_AnySpelling_KnowsWhatEveryNormFeeds(TinyVit spelling)
    {
        var structure = ModelFamily.VisionTransformer.Analyze(spelling.Build());

        int qkv = spelling.Qkv == QkvForm.Separate ? 3 : 1, heads = spelling.Pool == PoolForm.Mean ? 0 : spelling.Distilled ? 2 : 1;
        int[] consumers = [.. Enumerable.Repeat(new[] { qkv, 1 }, spelling.Depth).SelectMany(c => c), heads];
        CollectionAssert.AreEqual(consumers, structure.Norms.Select(n => n.Consumers.Count).ToArray());
        foreach (var norm in structure.Norms)
        {
            // A mean over tokens stands between the last norm and the head.
            Assert.AreEqual(norm.Consumers.Count > 0, norm.FeedsOnlyLayers);
            Assert.AreSame(norm.Gamma, norm.GammaUse.Node.Input(norm.GammaUse.Index));
            Assert.AreSame(norm.Beta, norm.BetaUse!.Value.Node.Input(norm.BetaUse.Value.Index));
            CollectionAssert.AreEqual(new[] { (long)spelling.Dim }, norm.Gamma.Constant!.Shape.ToArray());
        }
    }

    [TestMethod]
    [DataRow(WeightForm.Transposed, LinearForm.MatMul)]
    [DataRow(WeightForm.Constants, LinearForm.MatMulBiasFirst)]
    [DataRow(WeightForm.Initializers, LinearForm.GemmTransposed)]
    public void Analyze_WeightMovedOrConstant_ReadsTheSameNumbers(WeightForm weights, LinearForm linear)
    {
        var plain = ModelFamily.Generic.FindLayers(new TinyVit().Build());
        var other = ModelFamily.Generic.FindLayers(new TinyVit { Weights = weights, Linear = linear }.Build());

        for (int i = 0; i < plain.Count; i++)
            CollectionAssert.AreEqual(Rows(plain[i]), Rows(other[i]), plain[i].Name);

        static float[] Rows(QuantizableLayer layer)
        {
            float[] weight = layer.WeightTensor.ToFloats();
            int N = layer.OutputChannels, K = layer.InputChannels;
            return layer.IsRowPerOutput ? weight : [.. Enumerable.Range(0, N).SelectMany(n => Enumerable.Range(0, K).Select(k => weight[k * N + n]))];
        }
    }

    [TestMethod]
    public void Analyze_AnyModel_LeavesItAsItWas()
    {
        var model = new TinyVit { DynamicBatch = true, Weights = WeightForm.Transposed, Qkv = QkvForm.Slice }.Build();
        byte[] before = model.ToBytes();

        ModelFamily.Detect(model).Analyze(model);

        CollectionAssert.AreEqual(before, model.ToBytes());
    }

    [TestMethod]
    public void Analyze_FusedOrSeparate_GivesTheSameGroups()
    {
        string[] fused = [.. ModelFamily.Generic.FindLayers(new TinyVit().Build()).Select(l => l.Group).Distinct()];
        string[] separate = [.. ModelFamily.Generic.FindLayers(new TinyVit { Qkv = QkvForm.Separate, Named = false }.Build()).Select(l => l.Group).Distinct()];

        CollectionAssert.AreEqual(fused, separate);
    }

    [TestMethod]
    public void FindLayers_NamesInTheFile_AreTheLayersNames()
    {
        string[] names = [.. ModelFamily.Generic.FindLayers(new TinyVit { Depth = 1 }.Build()).Select(l => l.Name)];

        CollectionAssert.AreEqual(new[] { "patch_embed.proj", "blocks.0.attn.qkv", "blocks.0.attn.proj", "blocks.0.mlp.fc1", "blocks.0.mlp.fc2", "head" }, names);
    }

    [TestMethod]
    public void FindLayers_NumbersForNames_AreNamedByTypeAndBlock()
    {
        string[] names = [.. ModelFamily.Generic.FindLayers(new TinyVit { Depth = 1, Named = false, Qkv = QkvForm.Separate, Distilled = true }.Build()).Select(l => l.Name)];

        CollectionAssert.AreEqual(new[] { "patch-embedding", "blocks.0.q", "blocks.0.k", "blocks.0.v", "blocks.0.proj", "blocks.0.fc1", "blocks.0.fc2", "head", "head_2" }, names);
    }

    [TestMethod]
    public void All_Families_HaveNamesOfTheirOwnAndTakeAnyModel()
    {
        var empty = Model.Create(17);
        empty.Graph.AddOutput(empty.Graph.Emit("Relu", [empty.Graph.AddInput("x", ElementType.Float, 1, 3)]));

        CollectionAssert.AllItemsAreUnique(ModelFamily.All.Select(f => f.Name).ToList());
        foreach (var family in ModelFamily.All)
            Assert.AreEqual(0, family.FindLayers(empty).Count, family.Name);
        Assert.AreSame(ModelFamily.Generic, ModelFamily.Detect(empty));
    }

    static string Describe(QuantizableLayer l) => $"{l.Type.Word()} {l.OutputChannels}x{l.InputChannels} block {l.Block} group {l.Group} {l.Parameters}";

    static List<string> Expected(TinyVit t)
    {
        int dim = t.Dim, hidden = dim * t.MlpRatio;
        var layers = new List<string> { Line("patch-embedding", dim, t.Channels * t.Patch * t.Patch, -1, "patch-embedding") };
        for (int b = 0; b < t.Depth; b++)
        {
            if (t.Qkv == QkvForm.Separate)
                layers.AddRange(new[] { "q", "k", "v" }.Select(type => Line(type, dim, dim, b, $"blocks.{b}.qkv")));
            else
                layers.Add(Line("qkv", 3 * dim, dim, b, $"blocks.{b}.qkv"));
            layers.Add(Line("proj", dim, dim, b, $"blocks.{b}.proj"));
            layers.Add(Line("fc1", hidden, dim, b, $"blocks.{b}.fc1"));
            layers.Add(Line("fc2", dim, hidden, b, $"blocks.{b}.fc2"));
        }
        layers.Add(Line("head", t.Classes, dim, -1, "head"));
        if (t.Distilled)
            layers.Add(Line("head", t.Classes, dim, -1, "head_2"));
        return layers;

        static string Line(string type, int n, int k, int block, string group) => $"{type} {n}x{k} block {block} group {group} {(long)n * k}";
    }
}
