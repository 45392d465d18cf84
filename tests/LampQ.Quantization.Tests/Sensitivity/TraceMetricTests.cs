using System.Numerics.Tensors;
using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Testing;
using Tensor = LampQ.Onnx.Tensor;

namespace LampQ.Quantization.Tests;

/// <summary>Two estimates of one number: the Hessian of KL(p ‖ p_W) at its minimum is the true Fisher information, whose trace follows from the gradients of every class.</summary>
[TestClass]
public sealed class TraceMetricTests
{
    static readonly TinyVit Vit = new() { DynamicBatch = true };

    [TestMethod]
    [DataRow("fisher-perturbation", 40)]
    [DataRow("hessian-trace", 100)]
    public void Measure_ManyProbes_IsTheTraceOfTheTrueFisherInformation(string name, int probes)
    {
        var context = Context(probes);
        var exact = ExactTraces(context);

        var measured = SensitivityMetric.All.Single(m => m.Name == name).Measure(context);

        foreach (var (group, sensitivity) in context.Groups.Zip(measured.Groups))
        {
            double expected = group.Layers.Sum(l => exact[l.Name]);
            // One direction of fisher-perturbation has the relative deviation √(2·tr F²)/tr F, at most √2 (40 of them: .22, three times that for a layer of rank one);
            // the cross terms of hessian-trace are about as large again.
            Assert.AreEqual(1, sensitivity.Sensitivity / expected, .5, $"{group.Name}: {sensitivity.Sensitivity:E3}, exact {expected:E3}");
        }
        // Over all layers the deviations average out; a forgotten factor of 2 would not.
        Assert.AreEqual(1, context.Groups.Zip(measured.Groups).Average(p => p.Second.Sensitivity / p.First.Layers.Sum(l => exact[l.Name])), .15);
    }

    [TestMethod]
    [DataRow("fisher-perturbation")]
    [DataRow("hessian-trace")]
    public void Measure_EveryWidth_IsHalfTheMeanEigenvalueTimesTheSquaredRoundingError(string name)
    {
        var context = Context(2);
        foreach (var (group, sensitivity) in context.Groups.Zip(SensitivityMetric.All.Single(m => m.Name == name).Measure(context).Groups).Where(p => p.First.Layers.Count == 1))
            foreach (int bits in context.Bits)
            {
                var layer = group.Layers[0];
                float[] rounded = context.Options.WeightQuantizer.Quantize(layer.ReadWeight(), layer.OutputChannels, bits).Dequantize(), weight = layer.ReadWeight();
                double error = rounded.Zip(weight, (a, b) => ((double)a - b) * ((double)a - b)).Sum();
                double expected = sensitivity.Sensitivity * error / layer.Parameters / 2;
                Assert.AreEqual(expected, sensitivity.Damage[bits], 1e-4 * expected, $"{group.Name} at {bits} bits");
            }
    }

    static SensitivityContext Context(int probes) =>
        TinyRuns.Context(TinyRuns.Calibrate(Vit, TinyRuns.Samples(Vit)), TinyRuns.Options with { Fisher = new() { Probes = probes } });

    // tr F = E_x Σ_y p(y|x)·‖∂ log p(y|x)/∂W‖².
    static Dictionary<string, double> ExactTraces(SensitivityContext context)
    {
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        var one = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [TinyVit.InputName] = [1, 3, 8, 8] }).Apply(context.Calibration.Model);
        var gradient = GradientGraph.Build(one, Loss.NegativeLogLikelihood, [.. layers.Select(l => l.Weight.Name)]);
        using var session = new OnnxSession(gradient.Model, TinyRuns.Settings.Session);
        var traces = layers.ToDictionary(l => l.Name, _ => 0.0);
        int n = 0;
        foreach (var x in context.Samples.Tensors(TinyRuns.Settings))
        {
            float[] scores = context.Reference.Scores[n++];
            double total = scores.Sum(s => Math.Exp(s));
            for (int label = 0; label < Vit.Classes; label++)
            {
                var gradients = session.Run(new Dictionary<string, Tensor> { [TinyVit.InputName] = x, ["labels"] = Tensor.Of([(long)label]) }, [.. layers.Select(l => gradient.Gradients[l.Weight.Name])]);
                for (int i = 0; i < layers.Length; i++)
                    traces[layers[i].Name] += Math.Exp(scores[label]) / total * TensorPrimitives.SumOfSquares<float>(gradients[i].ToFloats()) / context.Samples.Count;
            }
        }
        return traces;
    }
}
