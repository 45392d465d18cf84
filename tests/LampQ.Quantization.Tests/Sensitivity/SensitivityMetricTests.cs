using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;

namespace LampQ.Quantization.Tests;

/// <summary>What every metric promises, and what each one measures.</summary>
[TestClass]
public sealed class SensitivityMetricTests
{
    static readonly TinyVit Vit = new() { DynamicBatch = true };

    public static IEnumerable<object[]> Cases => from m in SensitivityMetric.All from p in Enum.GetValues<QuantizationProfile>() select new object[] { m.Name, p };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Measure_ATinyModel_IsFinitePositiveAndFallsWithBits(string name, QuantizationProfile profile)
    {
        var context = Context(TinyRuns.Options with { Profile = profile });

        var measured = Named(name).Measure(context);

        Assert.AreEqual(name, measured.Metric);
        CollectionAssert.AreEqual(context.Groups.Select(g => g.Name).ToArray(), measured.Groups.Select(g => g.Group).ToArray());
        foreach (var group in measured.Groups)
        {
            Assert.IsTrue(double.IsFinite(group.Sensitivity) && group.Sensitivity > 0, $"{group}");
            Assert.IsTrue(group.Damage.Values.All(d => double.IsFinite(d) && d >= 0), $"{group}");
        }
        // A layer's error may lie by chance along a flat direction, and few layers count most here: a bit, a factor of 4, is within that chance; two are not.
        double[] mean = [.. context.Bits.Select(b => measured.Groups.Average(g => g.Damage[b]))];
        for (int i = 2; i < mean.Length; i++)
            Assert.IsTrue(mean[i] <= mean[i - 2], $"{context.Bits[i]} bits cost more than {context.Bits[i - 2]}: {string.Join(" ", mean)}");
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Measure_Twice_GivesTheSameNumbers(string name, QuantizationProfile profile)
    {
        var options = TinyRuns.Options with { Profile = profile };
        var first = Named(name).Measure(Context(options));
        var second = Named(name).Measure(Context(options));
        foreach (var (a, b) in first.Groups.Zip(second.Groups))
            CollectionAssert.AreEqual(a.Damage.OrderBy(d => d.Key).Select(d => d.Value).ToArray(), b.Damage.OrderBy(d => d.Key).Select(d => d.Value).ToArray(), a.Group);
    }

    [TestMethod]
    [DataRow("2,4,8")]
    [DataRow("5")]
    [DataRow("7,8")]
    public void Measure_AnyMenu_CoversEveryWidth(string menu)
    {
        int[] bits = [.. menu.Split(',').Select(int.Parse)];
        foreach (var metric in SensitivityMetric.All)
            foreach (var group in metric.Measure(Context(TinyRuns.Options with { Bits = bits })).Groups)
                CollectionAssert.AreEquivalent(bits, group.Damage.Keys.ToArray(), metric.Name);
    }

    [TestMethod]
    public void KlDamage_OfAGroup_IsTheKlOfTheModelWithOnlyThatGroupRounded()
    {
        var context = Context(TinyRuns.Options);
        var measured = SensitivityMetric.KlDamage.Measure(context);
        foreach (var (group, sensitivity) in context.Groups.Zip(measured.Groups))
            foreach (int bits in new[] { 2, 4 })
            {
                var copy = context.Calibration.Model.Clone();
                foreach (var layer in ModelFamily.Detect(copy).FindLayers(copy).Where(l => l.Group == group.Name))
                    layer.WriteWeight(context.Options.WeightQuantizer.Quantize(layer.ReadWeight(), layer.OutputChannels, bits).Dequantize());
                double expected = context.Reference.MeanKl(TinyRuns.Outputs(copy, context.Samples));
                // Logits carry some 1e-6 of float noise; KL is a quadratic form of their error e, so it moves by about e·1e-6, e = √(2·KL).
                Assert.AreEqual(expected, sensitivity.Damage[bits], 1e-5 * Math.Sqrt(2 * expected) + 1e-9, $"{group.Name} at {bits} bits");
                Assert.IsTrue(expected > 1e-6, $"{group.Name} at {bits} bits costs nothing; the case shows nothing.");
            }
    }

    [TestMethod]
    public void KlDamage_BetweenMeasuredWidths_LiesOnTheLineOfLogarithms()
    {
        foreach (var group in SensitivityMetric.KlDamage.Measure(Context(TinyRuns.Options)).Groups)
        {
            Assert.AreEqual(Math.Sqrt(group.Damage[2] * group.Damage[4]), group.Damage[3], 1e-9 * group.Damage[3], group.Group);
            foreach (int bits in new[] { 5, 6, 7, 8 })
                Assert.AreEqual(group.Damage[4] * Math.Pow(4, 4 - bits), group.Damage[bits], 1e-9 * group.Damage[bits], group.Group);
        }
    }

    [TestMethod]
    [DataRow(4, true)]
    [DataRow(4, false)]
    [DataRow(3, true)]
    [DataRow(3, false)]
    public void FisherTraces_OfEveryLayer_AreTheMeanSquaredNormsOfExplicitGradients(int count, bool labelled)
    {
        int[] labels = [4, 0, 2, 2];
        var samples = TinyRuns.Samples(Vit, count, labels: labelled ? labels[..count] : null);
        var model = TinyRuns.Prepared(Vit.Build());
        var layers = ModelFamily.Detect(model).FindLayers(model);

        var traces = FisherTraces.Measure(model, layers, samples, TinyRuns.Settings, default);

        var one = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [TinyVit.InputName] = [1, 3, 8, 8] }).Apply(model);
        var gradient = GradientGraph.Build(one, Loss.NegativeLogLikelihood, [.. layers.Select(l => l.Weight.Name)]);
        using var session = new OnnxSession(gradient.Model, TinyRuns.Settings.Session);
        int[] classes = labelled ? labels : TinyRuns.Outputs(model, samples).Predictions();
        var expected = new double[layers.Count];
        int n = 0;
        foreach (var x in samples.Tensors(TinyRuns.Settings))
        {
            var gradients = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = x, ["labels"] = Tensor.Of([(long)classes[n++]]) }, [.. layers.Select(l => gradient.Gradients[l.Weight.Name])]);
            for (int i = 0; i < layers.Count; i++)
                expected[i] += gradients[i].ToFloats().Sum(g => (double)g * g) / count;
        }
        for (int i = 0; i < layers.Count; i++)
            // As in FisherGraphTests: some hundred roundings of 2⁻²⁴ and a loss of up to 10 in the Gram form.
            Assert.AreEqual(expected[i], traces[layers[i].Name], 2e-4 * expected[i], layers[i].Name);
    }

    [TestMethod]
    public void FisherTraces_LabelsThatAreNotThePredictions_GiveOtherTraces()
    {
        var model = TinyRuns.Prepared(Vit.Build());
        var layers = ModelFamily.Detect(model).FindLayers(model);
        var unlabelled = TinyRuns.Samples(Vit, 4);
        int[] predictions = TinyRuns.Outputs(model, unlabelled).Predictions();
        var own = FisherTraces.Measure(model, layers, unlabelled, TinyRuns.Settings, default);
        var same = FisherTraces.Measure(model, layers, TinyRuns.Samples(Vit, 4, labels: predictions), TinyRuns.Settings, default);
        var wrong = FisherTraces.Measure(model, layers, TinyRuns.Samples(Vit, 4, labels: [.. predictions.Select(p => (p + 1) % Vit.Classes)]), TinyRuns.Settings, default);
        foreach (var layer in layers)
        {
            Assert.AreEqual(own[layer.Name], same[layer.Name], 1e-4 * own[layer.Name], layer.Name);
            // A class that the model thinks less likely has the larger gradient.
            Assert.IsTrue(wrong[layer.Name] > 1.2 * own[layer.Name], $"{layer.Name}: {wrong[layer.Name]} and {own[layer.Name]}");
        }
    }

    [TestMethod]
    public void TypeAwareFisher_AllLayersOfATypeMeasured_IsTheirTraceScaledToTheirMeanDamageAtBeta()
    {
        var context = Context(TinyRuns.Options with { Fisher = new() { Beta = 4, Mu = 100, Gamma = 4 } });
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        var traces = FisherTraces.Measure(context.Calibration.Model, layers, context.Samples, TinyRuns.Settings, default);
        var damage = SensitivityMetric.KlDamage.Measure(context).Groups.ToDictionary(g => g.Group, g => g.Damage[4]);

        var measured = SensitivityMetric.TypeAwareFisher.Measure(context).Groups.ToDictionary(g => g.Group);

        foreach (var type in context.Groups.GroupBy(g => g.Type))
        {
            double alpha = type.Average(g => damage[g.Name]) / type.Average(g => g.Layers.Sum(l => traces[l.Name]));
            foreach (var group in type)
            {
                double omega = alpha * group.Layers.Sum(l => traces[l.Name]);
                Assert.AreEqual(omega, measured[group.Name].Sensitivity, 1e-4 * omega, group.Name);
                foreach (int bits in context.Bits)
                    Assert.AreEqual(omega * Math.Pow(4, 4 - bits), measured[group.Name].Damage[bits], 1e-4 * omega * Math.Pow(4, 4 - bits));
            }
        }
    }

    [TestMethod]
    public void FisherDamage_ManyDraws_IsTheExpectationOverTheClassesOfTheSquaredSlopeAlongTheError()
    {
        var context = Context(TinyRuns.Options with { Bits = [2, 4], Fisher = new() { Draws = 200 } });
        var model = context.Calibration.Model;
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();

        var measured = SensitivityMetric.FisherDamage.Measure(context);

        var one = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [TinyVit.InputName] = [1, 3, 8, 8] }).Apply(model);
        var gradient = GradientGraph.Build(one, Loss.NegativeLogLikelihood, [.. layers.Select(l => l.Weight.Name)]);
        using var session = new OnnxSession(gradient.Model, TinyRuns.Settings.Session);
        var expected = new double[context.Groups.Count, 2];
        int n = 0;
        foreach (var x in context.Samples.Tensors(TinyRuns.Settings))
        {
            float[] scores = context.Reference.Scores[n++];
            double total = scores.Sum(s => Math.Exp(s));
            for (int label = 0; label < Vit.Classes; label++)
            {
                var gradients = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = x, ["labels"] = Tensor.Of([(long)label]) }, [.. layers.Select(l => gradient.Gradients[l.Weight.Name])]);
                for (int g = 0; g < context.Groups.Count; g++)
                    for (int b = 0; b < 2; b++)
                    {
                        double slope = 0;
                        foreach (var layer in context.Groups[g].Layers)
                        {
                            float[] of = gradients[Array.IndexOf(layers, layer)].ToFloats(), error = context.Quantizers.Plan(layer, context.Bits[b]).Weights.Dequantize(), weight = layer.ReadWeight();
                            for (int row = 0; row < layer.OutputChannels; row++)
                                for (int k = 0; k < layer.InputChannels; k++)
                                {
                                    int i = row * layer.InputChannels + k;
                                    slope += of[layer.IsRowPerOutput ? i : k * layer.OutputChannels + row] * (double)(error[i] - weight[i]);
                                }
                        }
                        expected[g, b] += Math.Exp(scores[label]) / total * slope * slope / 2 / context.Samples.Count;
                    }
            }
        }
        for (int g = 0; g < context.Groups.Count; g++)
            for (int b = 0; b < 2; b++)
                // 600 draws of numbers that spread like their mean, or twice it where one unlikely class counts most: 2/√600 = 8 %, three times that.
                Assert.AreEqual(1, measured.Groups[g].Damage[context.Bits[b]] / expected[g, b], .25, $"{context.Groups[g].Name} at {context.Bits[b]} bits");
    }

    static SensitivityContext Context(QuantizationOptions options) => TinyRuns.Context(TinyRuns.Calibrate(Vit, TinyRuns.Samples(Vit)), options);

    static SensitivityMetric Named(string name) => SensitivityMetric.All.Single(m => m.Name == name);
}
