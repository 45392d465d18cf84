using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Runtime.Tests;

/// <summary>Lowered graphs against the same QDQ graph in ONNX Runtime, and against what should be lowered at all.</summary>
[TestClass]
public sealed class LoweringTests
{
    static readonly OnnxSessionOptions asWritten = new() { Threads = 1, Optimize = false };

    public static IEnumerable<object[]> Spellings => TinyVitSpellings.All.Select(s => new object[] { s });

    public static IEnumerable<object[]> Styles =>
        from spelling in new TinyVit[] { new(), new() { Qkv = QkvForm.Separate, DynamicBatch = true, Opset = 13 }, new() { Linear = LinearForm.GemmTransposed, Opset = 21, Gelu = GeluForm.Op }, new() { Opset = 21 } }
        from style in new QdqStyle[] { new(), new(SignedActivations: true), new(SignedWeights: false, SignedActivations: true), new(PerChannel: false), new(SignedWeights: false, PerChannel: false) }
        select new object[] { spelling, style };

    [TestMethod]
    [DynamicData(nameof(Spellings))]
    public void Apply_PortableExportOfAnySpelling_LowersEverythingAndComputesTheSame(TinyVit spelling) => CheckPortable(spelling, 8, WeightContainer.Int8, 8);

    [TestMethod]
    [DataRow(4, WeightContainer.Int4, 8)]
    [DataRow(4, WeightContainer.Int8, 8)]
    [DataRow(3, WeightContainer.Int4, 6)]
    [DataRow(6, WeightContainer.Int8, 4)]
    public void Apply_NarrowWidthsInEitherContainer_PacksTheirBits(int bits, WeightContainer container, int activationBits)
    {
        var lowered = CheckPortable(new TinyVit { Opset = 21 }, bits, container, activationBits);
        foreach (var node in lowered.Graph.Nodes.Where(n => n.OpType.StartsWith("Linear", StringComparison.Ordinal)))
        {
            Assert.AreEqual(bits, node.Int("bits"), node.ToString());
            Assert.AreEqual(PackedWeights.SizeInBytes((int)node.Int("out_features"), (int)node.Int("in_features"), bits), node.Input(1)!.Initializer!.Bytes.Length);
        }
    }

    static Model CheckPortable(TinyVit spelling, int bits, WeightContainer container, int activationBits)
    {
        var model = QdqModels.Prepared(spelling.Build(), container.MinimumOpset());
        var image = spelling.Images(1, 7);
        var qdq = QdqModels.Portable(model, image, bits, container, activationBits);
        var lowering = new Lowering();
        var lowered = lowering.Apply(qdq);

        Assert.AreEqual(0, lowering.Report.Left.Count(), lowering.Report.ToString());
        Assert.IsFalse(lowered.Graph.Nodes.Any(n => n.Is("MatMul", "Gemm", "Softmax", "QuantizeLinear", "DequantizeLinear", "LayerNormalization", "Erf", "Gelu", "Conv")),
            string.Join(" ", lowered.Graph.Nodes.Select(n => n.OpType)));
        Assert.AreEqual(spelling.Depth, lowered.Graph.Nodes.Count(n => n.OpType == "AttentionQuantize"));
        Assert.AreEqual(2 * spelling.Depth, lowered.Graph.Nodes.Count(n => n.OpType == "LinearQuantize"));
        CheckSameResults(spelling, model, qdq, lowered);
        return lowered;
    }

    [TestMethod]
    [DynamicData(nameof(Styles))]
    public void Apply_GraphsOfOtherTools_LowersLayersAndAttentions(TinyVit spelling, QdqStyle style)
    {
        var model = QdqModels.Prepared(spelling.Build());
        var qdq = QdqModels.Static(model, spelling.Images(1, 7), style, "MatMul", "Gemm", "Conv", "Softmax", "LayerNormalization", "Gelu");
        var lowering = new Lowering();
        var lowered = lowering.Apply(qdq);
        CheckSameResults(spelling, model, qdq, lowered);
        Assert.AreEqual(0, lowering.Report.Left.Count(o => o.Operation != "attention"), lowering.Report.ToString());
    }

    [TestMethod]
    public void Apply_OperandsOfProductsQuantizedAlone_LowersAttentionWithOneScaleForTheMap()
    {
        var spelling = new TinyVit();
        var model = QdqModels.Prepared(spelling.Build());
        // Only what goes into products, as the option for operators that are quantized allows.
        var qdq = InputsOnly(model, spelling.Images(1, 7));
        var lowering = new Lowering();
        var lowered = lowering.Apply(qdq);
        Assert.AreEqual(0, lowering.Report.Left.Count(), lowering.Report.ToString());
        Assert.IsTrue(lowered.Graph.Nodes.Where(n => n.OpType == "AttentionQuantize").All(n => n.String("map") == "tensor"));
        CheckSameResults(spelling, model, qdq, lowered);
    }

    [TestMethod]
    [DynamicData(nameof(CodedMaps.All), typeof(CodedMaps))]
    public void Apply_MapOfOtherThanUniformCodes_LowersAttentionWithTheTable(string name, MapCode map)
    {
        var spelling = new TinyVit { ImageSize = 32 };
        var model = QdqModels.Prepared(spelling.Build());
        var qdq = QdqModels.Portable(model, spelling.Images(1, 7), map: map);
        var lowering = new Lowering();
        var lowered = lowering.Apply(qdq);
        Assert.AreEqual(0, lowering.Report.Left.Count(), lowering.Report.ToString());
        foreach (var node in lowered.Graph.Nodes.Where(n => n.OpType == "AttentionQuantize"))
        {
            Assert.AreEqual(map.IsRowByRow ? "row" : "tensor", node.String("map"), name);
            CheckTable(map.Quantizer, node, node.Float("context_scale") / QdqActivation.Match(qdq.Graph.Find($"{node.Name}.v.dequantized")!)!.Quantizer.Scale);
        }
        CheckSameResults(spelling, model, qdq, lowered);
    }

    /// <summary>The table says what the quantizer says: for probabilities of every size, and on both sides of every threshold.</summary>
    static void CheckTable(ActivationQuantizer quantizer, Node node, double step)
    {
        var random = new Random(4);
        float[] thresholds = node.Floats("map_thresholds")!;
        var table = new LevelTable(thresholds, node.Ints("map_levels")!);
        var probabilities = Enumerable.Range(0, 2000).Select(_ => (float)Math.Pow(2, -30 * random.NextDouble())).Concat(thresholds).Concat(thresholds.Select(MathF.BitDecrement)).Append(0).Append(1);
        foreach (float p in probabilities.Where(p => p is >= 0 and <= 1))
            Assert.AreEqual(quantizer.Apply(p), step * table.Of(p), 1e-7, $"{quantizer} of {p:R}");
    }

    public static IEnumerable<object[]> BehindGelu
    {
        get
        {
            TinyVit plain = new() { ImageSize = 32 };
            foreach (int power in new[] { 0, 4, 7, 15 })
                yield return [$"region 2^{power}", plain, (Func<float, ActivationQuantizer>)(most => Regions(most / 7 / (1 << power), most / 7)), power < 5 ? 1 : power < 14 ? 2 : 3];
            yield return ["twin", plain, (Func<float, ActivationQuantizer>)(most => Regions(Depth / 8, most / 7.3f)), 3];
            foreach (var spelling in new TinyVit[] { plain, new() { Linear = LinearForm.Gemm }, new() { Linear = LinearForm.GemmTransposed, DynamicBatch = true }, new() { Qkv = QkvForm.Separate, Opset = 21, Gelu = GeluForm.OpTanh } })
                yield return ["adalog", spelling, (Func<float, ActivationQuantizer>)(most => new LogQuantizer(most + Depth, 23 / 37.0, Depth, 4, ZeroState.LastCode)), 3];
        }
    }

    const float Depth = .16997f;

    static TwinQuantizer Regions(float lower, float upper) => new(new(lower, -8, 0), new(upper, 0, 7), 0, 4);

    [TestMethod]
    [DynamicData(nameof(BehindGelu))]
    public void Apply_OtherThanUniformCodesBehindGelu_LowersBothLayersWithTheTable(string name, TinyVit spelling, Func<float, ActivationQuantizer> quantizer, int planes)
    {
        foreach (var container in new[] { WeightContainer.Int8, WeightContainer.Int4 })
        {
            var model = QdqModels.Prepared(spelling.Build(), container.MinimumOpset());
            var qdq = QdqModels.Portable(model, spelling.Images(1, 7), bits: 4, container, behindGelu: quantizer);
            var lowering = new Lowering();
            var lowered = lowering.Apply(qdq);
            Assert.AreEqual(0, lowering.Report.Left.Count(), lowering.Report.ToString());
            Assert.IsFalse(lowered.Graph.Nodes.Any(n => n.Is("MatMul", "Gemm", "Gather", "Where") && n.Output.Name.Contains("mlp", StringComparison.Ordinal)), name);
            var layers = lowered.Graph.Nodes.Where(n => n.OpType == "LinearLevels").ToArray();
            Assert.AreEqual(spelling.Depth, layers.Length);
            foreach (var layer in layers)
                Assert.AreEqual(layer.Int("out_features") * planes, layer.Output.Shape![^1].Size, name);
            CheckSameResults(spelling, model, qdq, lowered);
            CheckFirstLevels(spelling, qdq);
        }
    }

    /// <summary>What the first fc2 reads in ONNX Runtime is what the levels stand for: the same code but for ties, of which the layers in front make a few.</summary>
    static void CheckFirstLevels(TinyVit spelling, Model qdq)
    {
        var image = spelling.Images(1, 9);
        var (written, lowered) = (qdq.Clone(), new Lowering { SelectTokensEarly = false }.Apply(qdq));
        string operand = written.Graph.Nodes.First(n => n.Is("MatMul", "Gemm") && CodedActivation.SourceOf(n.Input(0)!) is not null).Input(0)!.Name;
        var coded = CodedActivation.Match(written.Graph.Find(operand)!)!;
        written.Graph.AddOutput(written.Graph.Find(operand)!);
        var layer = lowered.Graph.Nodes.First(n => n.OpType == "LinearLevels");
        lowered.Graph.AddOutput(layer.Output);
        var plane = layer.Output.Uses.First(u => u.Node.Int("x_offset") == 0).Node;
        using var reference = new OnnxSession(written, asWritten);
        using var session = LampQSession.Load(lowered);
        float[] theirs = reference.Run(new Dictionary<string, Tensor> { [reference.InputNames[0]] = image }, [operand])[0].ToFloats();
        byte[] ours = session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = image }, [layer.Output.Name])[0].Bytes.ToArray();

        var values = CodeTable.Of(coded.Apply, float.MinValue, float.MaxValue)!.Values;
        long[] levels = layer.Ints("levels")!;
        Assert.AreEqual(values.Length, levels.Length);
        int N = (int)layer.Int("out_features"), planes = ours.Length / theirs.Length, differ = 0;
        for (int i = 0; i < theirs.Length; i++)
        {
            long level = Enumerable.Range(0, planes).Sum(p => (long)ours[(i / N * planes + p) * N + i % N] << (8 * p));
            int code = Array.IndexOf(levels, level), other = Array.FindIndex(values, v => Math.Abs(v - theirs[i]) <= 1e-6 * Math.Abs(values[^1]));
            Assert.IsTrue(code >= 0 && Math.Abs(code - other) <= 1, $"element {i}: level {level} is code {code}, {theirs[i]} is code {other}");
            differ += code == other ? 0 : 1;
        }
        Assert.IsTrue(differ <= theirs.Length / 200, $"{differ} of {theirs.Length} codes differ.");
    }

    [TestMethod]
    public void Apply_MapWhoseValuesFall_LeavesTheAttentionAndSaysWhy()
    {
        var spelling = new TinyVit();
        var qdq = QdqModels.Portable(QdqModels.Prepared(spelling.Build()), spelling.Images(1, 7), map: new(new LogQuantizer(1, 1, 0, 4, ZeroState.LastCode), false));
        foreach (var values in qdq.Graph.Nodes.Where(n => n.Is("Gather") && n.Name.Contains(".map", StringComparison.Ordinal) || n.Is("Gather") && n.Output.Name.Contains(".map", StringComparison.Ordinal)).Select(n => n.Input(0)!).Distinct())
        {
            var table = values.Constant!.ToFloats();
            (table[1], table[2]) = (table[2], table[1]);
            qdq.Graph.SetInitializer(values, Tensor.Of(table));
        }
        var lowering = new Lowering();
        lowering.Apply(qdq);
        Assert.AreEqual(spelling.Depth, lowering.Report.Left.Count(o => o.Operation == "attention" && o.Reason.Contains("do not grow", StringComparison.Ordinal)), lowering.Report.ToString());
    }

    [TestMethod]
    [DataRow(false), DataRow(true)]
    public void Apply_TokenChosenEarly_ReturnsTheSameBitsWithFewerRows(bool tables)
    {
        foreach (var spelling in new TinyVit[] { new(), new() { Pool = PoolForm.ClassTokenSlice, DynamicBatch = true }, new() { Qkv = QkvForm.Separate, Linear = LinearForm.Gemm } })
        {
            var image = spelling.Images(1, 7);
            var prepared = QdqModels.Prepared(spelling.Build());
            var qdq = tables
                ? QdqModels.Portable(prepared, image, 4, map: new(new LogQuantizer(1, 1.3, 0, 4, ZeroState.LastCode), false), behindGelu: most => new LogQuantizer(most + Depth, .6, Depth, 4, ZeroState.LastCode))
                : QdqModels.Portable(prepared, image);
            var early = new Lowering().Apply(qdq);
            var late = new Lowering { SelectTokensEarly = false }.Apply(qdq);
            Assert.IsTrue(early.Graph.Nodes.Any(n => n.OpType == "Slice" && n.Output.Name.EndsWith(".token", StringComparison.Ordinal)), spelling.ToString());
            if (tables)
                Assert.AreEqual(1, early.Graph.Nodes.Last(n => n.OpType == "LinearLevels").Output.Shape![1].Size, "The last fc1 is computed for the class token alone.");
            CollectionAssert.AreEqual(Run(LampQSession.Load(late), image), Run(LampQSession.Load(early), image));
        }
    }

    [TestMethod]
    [DataRow(QkvForm.SplitSqueeze, 3)]
    [DataRow(QkvForm.Separate, 5)]
    public void Apply_TokenChosenBehindPanelsOfQueries_GivesQueriesALayerOfOneRowAndReturnsTheSameBits(QkvForm qkv, int bits)
    {
        var spelling = new TinyVit { Dim = 64, Qkv = qkv, DynamicBatch = true };
        var images = spelling.Images(3, 7);
        var qdq = QdqModels.Portable(QdqModels.Prepared(spelling.Build()), images, bits);
        var early = new Lowering().Apply(qdq);
        var late = new Lowering { SelectTokensEarly = false }.Apply(qdq);

        var attentions = early.Graph.Nodes.Where(n => n.OpType == "AttentionQuantize").ToArray();
        var queries = attentions[^1].Input(0)!.Producer!;
        Assert.AreEqual(64, queries.Int("out_features"));
        Assert.AreEqual("Slice", queries.Input(0)!.Producer!.OpType);
        Assert.AreEqual(128, attentions[^1].Input(1)!.Producer!.Int("out_features"));
        Assert.AreEqual(192, attentions[0].Input(1)!.Producer!.Int("out_features"), "The first block needs the queries of all tokens.");
        CollectionAssert.AreEqual(Run(LampQSession.Load(late), images), Run(LampQSession.Load(early), images));
    }

    [TestMethod]
    public void Apply_TokenChosenBehindAttentionWithABias_TakesTheBiasOfItsQueryAlone()
    {
        var spelling = new TinyVit { Depth = 1 };
        var image = spelling.Images(1, 7);
        var model = spelling.Build();
        ModelFamily.Detect(model, out var structure);
        var softmax = structure.Attentions.Single().Softmax;
        var bias = RandomBias(spelling.Heads, spelling.Tokens);
        softmax.SetInput(0, model.Graph.Emit("Add", [softmax.Input(0)!, model.Graph.AddInitializer("position_bias", bias)]));
        var qdq = QdqModels.Portable(QdqModels.Prepared(model), image);

        var early = new Lowering().Apply(qdq);
        var late = new Lowering { SelectTokensEarly = false }.Apply(qdq);

        Assert.AreEqual("Slice", early.Graph.Nodes.Single(n => n.OpType == "AttentionQuantize").Input(0)!.Producer!.OpType);
        CollectionAssert.AreEqual(Run(LampQSession.Load(late), image), Run(LampQSession.Load(early), image));

        static Tensor RandomBias(int heads, int tokens)
        {
            var random = new Random(3);
            return Tensor.Of([.. Enumerable.Range(0, heads * tokens * tokens).Select(_ => 4 * random.NextSingle() - 2)], 1, heads, tokens, tokens);
        }
    }

    [TestMethod]
    public void Apply_FloatHeadOfAModelThatStatesNoShapeInside_StillChoosesTheTokenEarly()
    {
        var spelling = new TinyVit { DynamicBatch = true };
        var images = spelling.Images(3, 7);
        var qdq = QdqModels.Portable(QdqModels.Prepared(spelling.Build()), images);
        var head = qdq.Graph.Nodes.Last(n => n.Is("Gemm", "MatMul")).Input(0)!;
        qdq.Graph.ReplaceUses(head, QdqActivation.Match(head)!.Source);
        foreach (var node in qdq.Graph.Nodes)
            foreach (var output in node.Outputs.Where(o => o is { IsGraphOutput: false }))
                output!.Shape = null;
        var early = new Lowering().Apply(qdq);
        Assert.AreEqual(1, early.Graph.Nodes.Last(n => n.OpType == "LinearQuantize").Output.Shape![1].Size, "The last fc1 is computed for the class token alone.");
        CollectionAssert.AreEqual(Run(LampQSession.Load(new Lowering { SelectTokensEarly = false }.Apply(qdq)), images), Run(LampQSession.Load(early), images));
    }

    [TestMethod]
    public void Apply_MeanOverTokens_ChoosesNoToken()
    {
        var spelling = new TinyVit { Pool = PoolForm.Mean };
        var lowered = new Lowering().Apply(QdqModels.Portable(QdqModels.Prepared(spelling.Build()), spelling.Images(1, 7)));
        Assert.IsFalse(lowered.Graph.Nodes.Any(n => n.OpType == "Slice" && n.Output.Name.EndsWith(".token", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow(false, false), DataRow(false, true), DataRow(true, false), DataRow(true, true)]
    public void Apply_ImageThatIsNoWholeNumberOfPatches_LeavesTheEdgeOutAsConvDoes(bool isDynamic, bool ofOtherTool)
    {
        var spelling = new TinyVit { ImageSize = 11 };
        var built = spelling.Build();
        if (isDynamic)
            built.Graph.Inputs[0].Shape = [1, spelling.Channels, "height", "width"];
        var model = QdqModels.Prepared(built);
        var image = spelling.Images(1, 7);
        var qdq = ofOtherTool ? QdqModels.Static(model, image, new QdqStyle(), "MatMul", "Gemm", "Conv") : QdqModels.Portable(model, image);
        var lowered = new Lowering().Apply(qdq);
        Assert.IsTrue(lowered.Graph.Nodes.Any(n => n.OpType == "PatchesQuantize"));
        CheckSameResults(spelling, model, qdq, lowered);
    }

    [TestMethod]
    public void Apply_LayerBehindWhichANumberIsAdded_LeavesTheNumberToOnnxRuntime()
    {
        var spelling = new TinyVit { Depth = 1 };
        var model = spelling.Build();
        ModelFamily.Detect(model, out var structure);
        var add = structure.Attentions.Single().Proj!.BiasAdd!;
        add.SetInput(add.Input(0)!.Constant is null ? 1 : 0, model.Graph.AddInitializer("number", Tensor.Scalar(.5f)));
        model = QdqModels.Prepared(model);
        var qdq = QdqModels.Portable(model, spelling.Images(1, 7));
        CheckSameResults(spelling, model, qdq, new Lowering().Apply(qdq));
    }

    [TestMethod]
    public void Apply_NormWhoseGammaIsStoredInIntegersOfRank3_ReadsItsNumbers()
    {
        var spelling = new TinyVit { Norm = NormForm.Decomposed };
        var model = QdqModels.Prepared(spelling.Build());
        var qdq = QdqModels.Portable(model, spelling.Images(1, 7));
        foreach (var gamma in qdq.Graph.Initializers.Where(i => i.Name.Contains("norm", StringComparison.Ordinal) && i.Name.EndsWith(".weight", StringComparison.Ordinal)).ToArray())
        {
            float[] values = gamma.Initializer!.ToFloats();
            float scale = values.Max() / 127;
            var codes = qdq.Graph.AddInitializer($"{gamma.Name}_quantized", Tensor.Of([.. values.Select(v => (sbyte)MathF.Round(v / scale))], 1, 1, values.Length));
            qdq.Graph.ReplaceUses(gamma, qdq.Graph.Emit("DequantizeLinear", [codes, qdq.Graph.AddInitializer($"{gamma.Name}_scale", Tensor.Scalar(scale))], $"{gamma.Name}_DequantizeLinear"));
        }
        qdq.Graph.Sort();
        var lowered = new Lowering().Apply(qdq);
        Assert.IsTrue(lowered.Graph.Nodes.Any(n => n.OpType.StartsWith("LayerNorm", StringComparison.Ordinal)));
        CheckSameResults(spelling, model, qdq, lowered);
    }

    [TestMethod]
    public void Apply_FloatModel_LeavesItAsItIs()
    {
        var model = QdqModels.Prepared(new TinyVit().Build());
        var lowering = new Lowering();
        var lowered = lowering.Apply(model);
        CollectionAssert.AreEqual(model.Graph.Nodes.Select(n => n.OpType).ToArray(), lowered.Graph.Nodes.Select(n => n.OpType).ToArray());
        Assert.AreEqual(0, lowering.Report.Operations.Count);
    }

    /// <summary>‖lowered − ONNX Runtime‖ ≤ ½·‖ONNX Runtime − float‖ over all images: rounding that falls the other way is part of the quantization noise.</summary>
    internal static void CheckSameResults(TinyVit spelling, Model model, Model qdq, Model lowered)
    {
        double difference = 0, noise = 0;
        using var session = LampQSession.Load(lowered);
        using var reference = new OnnxSession(qdq, asWritten);
        using var original = new OnnxSession(model, asWritten);
        for (int seed = 7; seed < 11; seed++)
        {
            var image = spelling.Images(1, seed);
            float[] actual = Run(session, image), expected = Run(reference, image), exact = Run(original, image);
            difference += actual.Zip(expected, (a, b) => Math.Pow(a - b, 2)).Sum();
            noise += exact.Zip(expected, (a, b) => Math.Pow(a - b, 2)).Sum();
        }
        Assert.IsTrue(Math.Sqrt(difference) <= .5 * Math.Sqrt(noise), $"{Math.Sqrt(difference)} against {Math.Sqrt(noise)}");
    }

    static float[] Run(ModelSession session, Tensor image) => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = image })[0].ToFloats();

    static Model InputsOnly(Model model, Tensor image)
    {
        var qdq = QdqModels.Static(model, image, new QdqStyle(), "MatMul", "Gemm", "Conv");
        // Outputs of products stay float: their readers take them directly, unless a product reads them too.
        foreach (var dequantize in qdq.Graph.Nodes.Where(n => n.Is("DequantizeLinear")).ToArray())
            if (QdqActivation.Match(dequantize.Output) is { } activation && activation.Source.Producer is { } producer && producer.Is("MatMul", "Conv"))
                foreach (var use in dequantize.Output.Uses.Where(u => !u.Node.Is("MatMul", "Gemm", "Conv")).ToArray())
                    use.Node.SetInput(use.Index, activation.Source);
        qdq.Graph.RemoveUnused();
        return qdq;
    }
}
