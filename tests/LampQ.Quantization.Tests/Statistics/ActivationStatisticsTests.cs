using LampQ.Onnx;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>Calibration's histograms against the values that ONNX Runtime returns for the same samples.</summary>
[TestClass]
public sealed class ActivationStatisticsTests
{
    static readonly TinyVit Vit = new() { DynamicBatch = true };

    [TestMethod]
    [DataRow(Grouping.Tensor)]
    [DataRow(Grouping.Channel)]
    [DataRow(Grouping.Head)]
    public void Collect_AnyGrouping_HasTheBoundsAndCountsOfTheValues(Grouping grouping)
    {
        var model = TinyRuns.Prepared(Vit.Build());
        var structure = ModelFamily.Detect(model).Analyze(model);
        string name = grouping == Grouping.Head ? structure.Attentions[0].Scores.Input(0)!.Name : structure.Norms[1].Output.Name;
        int groups = grouping switch { Grouping.Tensor => 1, Grouping.Channel => Vit.Dim, _ => Vit.Heads };
        var samples = TinyRuns.Samples(Vit, 5);

        // Batches of 2, 2 and 1: groups must not depend on where a batch ends.
        var found = ActivationStatistics.Collect(model, samples, new Dictionary<string, Grouping> { [name] = grouping }, TinyRuns.Settings with { BatchSize = 2 })[name].Groups;

        Assert.AreEqual(groups, found.Count);
        int perHead = Vit.Tokens * Vit.HeadSize;
        var values = TinyRuns.Values(model, name, samples);
        for (int group = 0; group < groups; group++)
        {
            float[] own = [.. values.SelectMany(v => v.Where((_, i) => grouping switch { Grouping.Tensor => true, Grouping.Channel => i % Vit.Dim == group, _ => i / perHead == group }))];
            var histogram = found[group];
            // The batch changes the order of sums: some roundings of 2⁻²⁴ of values of about 3.
            Assert.AreEqual(own.Min(), histogram.Min, 1e-5f, $"group {group}");
            Assert.AreEqual(own.Max(), histogram.Max, 1e-5f, $"group {group}");
            Assert.AreEqual(own.Length, histogram.Total, $"group {group}");
            Assert.AreEqual(own.Length, histogram.Counts.ToArray().Sum(c => (long)c));
            Array.Sort(own);
            foreach (int rank in new[] { own.Length / 10, own.Length / 2, own.Length * 9 / 10 })
            {
                // Values below the end of their bin: those that sort before, and at most those that share the bin.
                int bin = Math.Clamp((int)((own[rank] - histogram.Min) / histogram.BinWidth), 0, histogram.Counts.Length - 1);
                long before = histogram.Counts[..Math.Max(bin - 1, 0)].ToArray().Sum(c => (long)c), upTo = histogram.Counts[..Math.Min(bin + 2, histogram.Counts.Length)].ToArray().Sum(c => (long)c);
                Assert.IsTrue(before <= rank && rank < upTo, $"group {group}: rank {rank} is not between {before} and {upTo}");
            }
        }
    }

    [TestMethod]
    public void Collect_TheModelsInput_HasTheBoundsOfThePixels()
    {
        var samples = TinyRuns.Samples(Vit, 4);
        var found = ActivationStatistics.Collect(TinyRuns.Prepared(Vit.Build()), samples, new Dictionary<string, Grouping> { [TinyVit.InputName] = Grouping.Tensor }, TinyRuns.Settings);
        float[] pixels = Vit.Images(4).ToFloats();
        var histogram = found[TinyVit.InputName].Groups.Single();
        Assert.AreEqual(pixels.Min(), histogram.Min);
        Assert.AreEqual(pixels.Max(), histogram.Max);
        Assert.AreEqual(pixels.Length, histogram.Total);
    }

    [TestMethod]
    public void Collect_ActivationOfNaN_IsRefusedNamingTheValue()
    {
        var model = Vit.Build();
        var add = model.Graph.Nodes.First(n => n.Is("Add") && n.Inputs.Any(i => i!.Name == "pos_embed"));
        model.Graph.SetInitializer(model.Graph.Find("pos_embed")!, Tensor.Of([.. Enumerable.Repeat(float.NaN, Vit.Tokens * Vit.Dim)], 1, Vit.Tokens, Vit.Dim));
        model = TinyRuns.Prepared(model);
        string name = model.Graph.Find(add.Output.Name)!.Name;
        var error = Assert.ThrowsExactly<InvalidDataException>(() =>
            ActivationStatistics.Collect(model, TinyRuns.Samples(Vit), new Dictionary<string, Grouping> { [name] = Grouping.Tensor }, TinyRuns.Settings));
        StringAssert.Contains(error.Message, $"'{name}'");
        StringAssert.Contains(error.Message, "NaN");
    }

    [TestMethod]
    public void Collect_HeadsOfAValueWithoutHeads_IsRefused() => Assert.ThrowsExactly<InvalidDataException>(() =>
        ActivationStatistics.Collect(TinyRuns.Prepared(Vit.Build()), TinyRuns.Samples(Vit), new Dictionary<string, Grouping> { [TinyVit.OutputName] = Grouping.Head }, TinyRuns.Settings));

    [TestMethod]
    public void Collect_Cancelled_Stops()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => ActivationStatistics.Collect(TinyRuns.Prepared(Vit.Build()), TinyRuns.Samples(Vit),
            new Dictionary<string, Grouping> { [TinyVit.InputName] = Grouping.Tensor }, TinyRuns.Settings, cancelled.Token));
    }

    [TestMethod]
    public void InputGrams_OfEveryLayer_AreTheSumsOfOuterProducts()
    {
        var model = TinyRuns.Prepared(Vit.Build());
        var layers = ModelFamily.Detect(model).FindLayers(model);
        var samples = TinyRuns.Samples(Vit, 3);
        var grams = InputGrams.Collect(model, layers, samples, TinyRuns.Settings with { BatchSize = 2 }, default);
        Assert.IsNull(grams.Of(layers.Single(l => l.Node.Is("Conv"))));
        foreach (var layer in layers.Where(l => !l.Node.Is("Conv")))
        {
            int K = layer.InputChannels;
            var expected = new double[K * K];
            foreach (float[] x in TinyRuns.Values(model, layer.Input.Name, samples))
                for (int row = 0; row < x.Length / K; row++)
                    for (int i = 0; i < K; i++)
                        for (int j = 0; j < K; j++)
                            expected[i * K + j] += (double)x[row * K + i] * x[row * K + j];
            float[] gram = grams.Of(layer)!;
            double largest = expected.Max();
            for (int i = 0; i < gram.Length; i++)
                // 15 products a sum: 15·2⁻²⁴ of the largest, and the noise of the batch before.
                Assert.AreEqual(expected[i], gram[i], 1e-5 * largest, layer.Name);
        }
    }

    [TestMethod]
    public void Energy_OfAMatrix_IsTheSquaredNormOfTheProducts()
    {
        var random = new Random(4);
        const int Rows = 3, K = 5, Tokens = 11;
        float[] a = [.. Enumerable.Range(0, Rows * K).Select(_ => random.NextSingle() - .5f)], x = [.. Enumerable.Range(0, Tokens * K).Select(_ => random.NextSingle() - .5f)];
        var gram = new float[K * K];
        double expected = 0;
        for (int t = 0; t < Tokens; t++)
        {
            for (int i = 0; i < K; i++)
                for (int j = 0; j < K; j++)
                    gram[i * K + j] += x[t * K + i] * x[t * K + j];
            for (int n = 0; n < Rows; n++)
                expected += Math.Pow(Enumerable.Range(0, K).Sum(k => (double)a[n * K + k] * x[t * K + k]), 2);
        }
        Assert.AreEqual(expected, InputGrams.Energy(a, Rows, gram), 1e-5 * expected);
    }
}
