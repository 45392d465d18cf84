using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Onnx.Tests;

[TestClass]
public sealed class FisherGraphTests
{
    static IReadOnlyDictionary<string, TinyVit> Spellings => new Dictionary<string, TinyVit>
    {
        ["fused qkv"] = new(),
        ["Gemm over flattened tokens"] = new() { Linear = LinearForm.GemmTransposed, Depth = 1 },
        ["few tokens, wide layers: the Gram form"] = new() { Dim = 32, Depth = 1, Patch = 8 },
        ["many tokens: the direct form"] = new() { Patch = 2, Depth = 1, Opset = 13 },
        ["patches by a matrix product"] = new() { PatchEmbedding = PatchForm.MatMul, Depth = 1, Opset = 18 },
    };

    public static IEnumerable<object[]> SpellingNames => Spellings.Keys.Select(k => new object[] { k });

    [TestMethod]
    [DynamicData(nameof(SpellingNames))]
    public void Build_BatchOfThree_GivesTheNormsOfExplicitGradientsOfEachSample(string spelling)
    {
        var vit = Spellings[spelling] with { DynamicBatch = true };
        const int Batch = 3;
        long[] labels = [4, 0, 2];
        float[] pixels = vit.Images(Batch).ToFloats();
        int each = pixels.Length / Batch;
        var one = Fixed(vit.Build(), 1);
        var layers = LinearLayers(one);
        Assert.AreEqual(vit.LayerCount, layers.Count);
        var gradient = GradientGraph.Build(one, Loss.NegativeLogLikelihood, [.. layers.Select(l => l.Weight.Name)]);
        using var explicitly = new OnnxSession(gradient.Model, new() { Threads = 1 });

        var fisher = FisherGraph.Build(Fixed(vit.Build(), Batch), Loss.NegativeLogLikelihood, layers);
        using var session = new OnnxSession(fisher.Model, new() { Threads = 1 });
        var norms = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = vit.Images(Batch), ["labels"] = Tensor.Of(labels, Batch) },
            [.. fisher.Layers.Select(l => l.SquaredNorm)]);

        for (int n = 0; n < Batch; n++)
        {
            var fed = new Dictionary<string, Tensor>
            {
                [TinyVit.InputName] = Tensor.Of(pixels.AsSpan(n * each, each), 1, vit.Channels, vit.ImageSize, vit.ImageSize),
                ["labels"] = Tensor.Of([labels[n]], 1),
            };
            var gradients = explicitly.Run(fed, [.. layers.Select(l => gradient.Gradients[l.Weight.Name])]);
            for (int i = 0; i < layers.Count; i++)
            {
                double expected = gradients[i].ToFloats().Sum(g => (double)g * g);
                CollectionAssert.AreEqual(new long[] { Batch }, norms[i].Shape.ToArray());
                // Sums of squares: no cancellation, so some hundred roundings of 2⁻²⁴ bound the relative error; the Gram form sums products of
                // both signs and loses up to the ratio of Σ|..| to the sum, below 10 here.
                Assert.AreEqual(expected, norms[i].ToFloats()[n], 1e-4 * expected + 1e-12, $"{layers[i].Name}, sample {n}");
                Assert.IsTrue(expected > 1e-9, $"{layers[i].Name} has no gradient; the case shows nothing");
            }
        }
    }

    [TestMethod]
    public void Build_WithTensors_ReturnsInputsAndGradientsWhoseProductHasTheNorm()
    {
        var vit = new TinyVit { DynamicBatch = true, Depth = 1, Linear = LinearForm.Gemm };
        var model = Fixed(vit.Build(), 2);
        var layers = LinearLayers(model);
        var fisher = FisherGraph.Build(model, Loss.NegativeLogLikelihoodOfPrediction, layers, withTensors: true);
        using var session = new OnnxSession(fisher.Model, new() { Threads = 1 });
        foreach (var layer in fisher.Layers)
        {
            var results = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = vit.Images(2) }, [layer.SquaredNorm, layer.Input!, layer.Gradient!]);
            float[] norms = results[0].ToFloats(), x = results[1].ToFloats(), g = results[2].ToFloats();
            int T = (int)results[1].Shape[1], K = (int)results[1].Shape[2], N = (int)results[2].Shape[2];
            Assert.AreEqual(layer.Layer.InputChannels, K);
            Assert.AreEqual(layer.Layer.OutputChannels, N);
            for (int sample = 0; sample < 2; sample++)
            {
                double sum = 0;
                for (int k = 0; k < K; k++)
                    for (int o = 0; o < N; o++)
                    {
                        double w = 0;
                        for (int t = 0; t < T; t++)
                            w += (double)x[(sample * T + t) * K + k] * g[(sample * T + t) * N + o];
                        sum += w * w;
                    }
                Assert.AreEqual(sum, norms[sample], 1e-4 * sum, $"{layer.Layer.Name}, sample {sample}");
            }
        }
    }

    [TestMethod]
    public void Build_ConvolutionWithOverlapAndGroups_GivesTheNormOfTheExplicitGradient()
    {
        var model = Model.Create(13);
        var random = new Random(1);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
        var x = model.Graph.AddInput("x", ElementType.Float, 2, 4, 5, 5);
        var conv = model.Graph.AddNode("Conv", [x, model.Graph.AddInitializer("w", Tensor.Of(Draw(6 * 2 * 9), 6, 2, 3, 3))], ["y"],
            attributes: [("group", 2), ("pads", new[] { 1, 1, 1, 1 }), ("strides", new[] { 2, 2 })]);
        model.Graph.AddOutput(model.Graph.Emit("Tanh", [conv.Output]));
        float[] pixels = Draw(200), cotangent = Draw(2 * 6 * 9);
        var fed = new Dictionary<string, Tensor> { ["x"] = Tensor.Of(pixels, 2, 4, 5, 5), ["cotangent"] = Tensor.Of(cotangent, 2, 6, 3, 3) };
        var fisher = FisherGraph.Build(model, Loss.InnerProduct, LinearLayers(model));
        using var session = new OnnxSession(fisher.Model);
        float[] norms = session.Run(fed, [fisher.Layers[0].SquaredNorm])[0].ToFloats();

        var gradient = GradientGraph.Build(model, Loss.InnerProduct, ["w"]);
        using var explicitly = new OnnxSession(gradient.Model);
        for (int sample = 0; sample < 2; sample++)
        {
            // A sample alone: the cotangent of the other is zero.
            var masked = cotangent.Select((c, i) => i / 54 == sample ? c : 0).ToArray();
            double expected = explicitly.Run(GradientCheck.With(fed, "cotangent", Tensor.Of(masked, 2, 6, 3, 3)), [gradient.Gradients["w"]])[0].ToFloats().Sum(g => (double)g * g);
            Assert.AreEqual(expected, norms[sample], 1e-4 * expected);
        }
    }

    [TestMethod]
    public void Build_SequenceFirst_FindsTheBatchInTheSecondAxis()
    {
        // x [T, B, K] = [3, 2, 2], y = x·w; the gradient of sample n is Σ_t x[t, n]ᵀ c[t, n].
        var (model, layers) = OneProduct(3, 2, 2);
        var x = Tensor.Of([1f, 2, 10, 20, 3, 4, 30, 40, 5, 6, 50, 60], 3, 2, 2);
        var fed = new Dictionary<string, Tensor> { ["x"] = x, ["labels"] = Tensor.Of([0, 0L], 2) };
        var fisher = FisherGraph.Build(model, Loss.ClassScore, layers);
        using var session = new OnnxSession(fisher.Model);
        float[] norms = session.Run(fed, [fisher.Layers[0].SquaredNorm])[0].ToFloats();
        // Logits are the sum of y over t, so c = (1, 0) everywhere: ∂w's first column is Σ_t x[t, n] = (9, 12) or (90, 120).
        CollectionAssert.AreEqual(new[] { 225f, 22500 }, norms);
    }

    [TestMethod]
    public void Build_BatchThatMayBeEitherAxis_IsRefused()
    {
        var (model, layers) = OneProduct(4, 2, 2);
        var e = Assert.ThrowsException<NotSupportedException>(() => FisherGraph.Build(model, Loss.ClassScore, layers));
        StringAssert.Contains(e.Message, "[4,2,2]");
        StringAssert.Contains(e.Message, "batch size");
    }

    [TestMethod]
    public void Build_DeitTiny_IsFiniteAndAgreesWithAPerturbation()
    {
        var model = SharedModels.Read(SharedModels.DeitTiny);
        const int Batch = 4;
        var four = Fixed(model, Batch);
        var layers = LinearLayers(four);
        Assert.AreEqual(50, layers.Count);
        var random = new Random(1);
        var images = Tensor.Of(Enumerable.Range(0, Batch * 3 * 224 * 224).Select(_ => (float)(random.NextDouble() * 4 - 2)).ToArray(), Batch, 3, 224, 224);
        var fed = new Dictionary<string, Tensor> { ["pixel_values"] = images, ["labels"] = Tensor.Of([1, 20, 300, 999L], Batch) };

        var clock = Stopwatch.StartNew();
        var fisher = FisherGraph.Build(four, Loss.NegativeLogLikelihood, layers);
        var build = clock.Elapsed;
        using var session = new OnnxSession(fisher.Model, new() { Threads = 1 });
        using var forward = new OnnxSession(four, new() { Threads = 1 });
        double backwardTime = Fastest(() => session.Run(fed)), forwardTime = Fastest(() => forward.Run(GradientCheck.Only(forward, fed)));
        Console.WriteLine($"build {build.TotalMilliseconds:F0} ms, forward {forwardTime / Batch:F1} ms an image, Fisher {backwardTime / Batch:F1} ms an image, ratio {backwardTime / forwardTime:F2}");
        var norms = session.Run(fed, [.. fisher.Layers.Select(l => l.SquaredNorm)]);
        foreach (var (layer, norm) in fisher.Layers.Zip(norms))
            foreach (float value in norm.ToFloats())
                Assert.IsTrue(float.IsFinite(value) && value > 0, $"{layer.Layer.Name}: {value}");

        // Along its own direction the loss of the first image must change at the rate ‖∂L/∂W‖.
        var chosen = layers.First(l => l.OutputChannels == 768);
        int index = layers.ToList().IndexOf(chosen);
        var one = Fixed(model, 1);
        var weight = one.Graph.Find(chosen.Weight.Name)!;
        var w = weight.Constant!;
        one.Graph.MakeInput(weight);
        var gradient = GradientGraph.Build(one, Loss.NegativeLogLikelihood, [weight.Name]);
        using var explicitly = new OnnxSession(gradient.Model, new() { Threads = 1 });
        var first = new Dictionary<string, Tensor>
        {
            ["pixel_values"] = Tensor.Of(images.As<float>()[..(3 * 224 * 224)], 1, 3, 224, 224), ["labels"] = Tensor.Of([1L], 1), [weight.Name] = w,
        };
        float[] slope = explicitly.Run(first, [gradient.Gradients[weight.Name]])[0].ToFloats();
        double length = Math.Sqrt(norms[index].ToFloats()[0]);
        double LossAt(double t)
        {
            float[] moved = [.. w.ToFloats().Zip(slope, (value, s) => (float)(value + t * s / length))];
            return explicitly.Run(GradientCheck.With(first, weight.Name, Tensor.Of(moved, [.. w.Shape])), [gradient.Loss])[0].ToFloats()[0];
        }
        const double H = 1.0 / 256;
        double numeric = (LossAt(H) - LossAt(-H)) / (2 * H);
        Console.WriteLine($"{chosen.Name}: ‖∂L/∂W‖ {length:G6} by Fisher, {numeric:G6} by difference");
        // Rounding: a loss near 7 with 1e-6 relative noise gives 7e-6/h = 2e-3. Truncation h²/6·f‴ was 1.1 % at h = 1/64, so 0.07 % here.
        Assert.AreEqual(numeric, length, .003 * length + 2e-3);
    }

    static double Fastest(Action run)
    {
        double best = double.MaxValue;
        for (int i = 0; i < 2; i++)
        {
            var clock = Stopwatch.StartNew();
            run();
            best = Math.Min(best, clock.Elapsed.TotalMilliseconds);
        }
        return best;
    }

    static (Model, IReadOnlyList<QuantizableLayer>) OneProduct(long tokens, long batch, long channels)
    {
        var model = Model.Create(13);
        var x = model.Graph.AddInput("x", ElementType.Float, tokens, batch, channels);
        var y = model.Graph.Emit("MatMul", [x, model.Graph.AddInitializer("w", Tensor.Of([1f, 2, 3, 4], 2, 2))]);
        model.Graph.AddOutput(model.Graph.Emit("ReduceSum", [y, model.Graph.AddInitializer("axes", Tensor.Of([0L], 1))], ("keepdims", 0)));
        return (model, LinearLayers(model));
    }

    static Model Fixed(Model model, int batch) => new FixInputShapes(new Dictionary<string, long> { ["batch"] = batch }).Apply(model);

    /// <summary>Every product with a constant matrix, in order of the graph.</summary>
    static IReadOnlyList<QuantizableLayer> LinearLayers(Model model)
    {
        model.Graph.Sort();
        return [.. model.Graph.Nodes.Where(n => n.Is("MatMul", "Gemm", "Conv") && n.Input(1)?.Constant is { Rank: >= 2 }).Select((n, i) =>
        {
            bool rows = n.Is("Conv") || n.Int("transB") != 0;
            var shape = n.Input(1)!.Constant!.Shape;
            int first = (int)shape[0], rest = (int)shape.Skip(1).Aggregate(1L, (p, d) => p * d);
            return new QuantizableLayer
            {
                Name = $"{i}/{n.Name}", Type = LayerType.Linear, Block = -1, Group = $"{i}", Node = n, Weight = n.Input(1)!, WeightTensor = n.Input(1)!.Constant!, IsRowPerOutput = rows,
                OutputChannels = rows ? first : rest, InputChannels = rows ? rest : first,
            };
        })];
    }
}
