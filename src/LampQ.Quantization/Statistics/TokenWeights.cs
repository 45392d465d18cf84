using System.Collections.Concurrent;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// How much the loss minds an error at each token of each layer: ω_t ∝ (1 − u) + u·‖∂L/∂y_t‖/rms, 1 on average, y_t the layer's output, L = −log p(c) with classes c drawn from
/// the model. The second-order damage ½·E⟨∂L/∂y, Δy⟩² asks for the square of the norm (GuidedQuant, arXiv 2505.07004, with one group of channels); one drawn class an image is too noisy for it:
/// so weighed, the 12,608 tokens of 64 images are worth 75 to 840 (Kish's effective number), fewer than a layer has columns, and are fitted where others are not.
/// </summary>
public sealed class TokenWeights
{
    /// <summary>u: what is drawn from few samples is noisy, and a token no sample minded must not be free.</summary>
    const double Share = 0.9;

    readonly Dictionary<string, float[][]> weights = [];

    /// <summary>Measures the weights: one backward pass a sample for all layers.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="samples">The calibration set.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="settings">Threads.</param>
    /// <param name="cancellation">Cancels between two samples.</param>
    /// <exception cref="NotSupportedException">An operator on the way from a layer to the loss has no backward rule.</exception>
    public static TokenWeights Measure(Model model, IReadOnlyList<QuantizableLayer> layers, SampleSet samples, int seed, RunSettings settings, CancellationToken cancellation = default)
    {
        if (model.Graph.Inputs[0].Shape?[0].Size is { } batch && batch != 1)
            throw new NotSupportedException($"The model's batch is fixed to {batch}; gradients are taken one sample at a time.");
        string input = model.Graph.Inputs[0].Name;
        var fixedModel = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [input] = [1, .. samples.Shape.Select(d => (long)d)] }).Apply(model);
        var fisher = FisherGraph.Build(fixedModel, Loss.NegativeLogLikelihood, layers, withTensors: true);
        var graph = fisher.Model.Graph;
        foreach (var output in graph.Outputs.ToArray())
            graph.RemoveOutput(output);
        string[] names = [.. fisher.Layers.Select(l =>
        {
            var gradient = graph.Find(l.Gradient!)!;
            var norm = graph.Emit("ReduceSum", [graph.Emit("Mul", [gradient, gradient]), graph.AddInitializer("last_axis", Tensor.Of([-1L]))], $"token_weight/{l.Layer.Name}");
            graph.AddOutput(norm);
            return norm.Name;
        })];
        graph.RemoveUnused();

        var result = new TokenWeights();
        foreach (var layer in layers)
            result.weights[layer.Name] = new float[samples.Count][];
        var single = settings with { BatchSize = 1, Session = settings.Session with { Threads = 1 } };
        using var forward = new OnnxSession(model, single.Session);
        using var backward = new OnnxSession(fisher.Model, single.Session);
        // Without buffering: the default partitioner takes up to 64 samples ahead for each thread, 38 MB of pixels.
        Parallel.ForEach(Partitioner.Create(samples.Tensors(single, cancellation), EnumerablePartitionerOptions.NoBuffering), ModelPart.Parallelism(settings, cancellation), (tensor, _, index) =>
        {
            // Each sample has draws of its own, so that they do not depend on which thread comes first.
            var random = new Random(unchecked(seed * 1_000_003 + (int)index));
            float[] scores = forward.Run(new Dictionary<string, Tensor> { [input] = tensor }, [forward.OutputNames[0]])[0].ToFloats();
            backward.Run(new Dictionary<string, Tensor> { [input] = tensor, [fisher.ExtraInputs[0]] = Tensor.Of([FisherDamageMetric.Draw(scores, random)]) }, names,
                (i, _, norms) => result.weights[layers[i].Name][index] = norms.ToArray());
        });
        foreach (var layer in result.weights.Values)
            Normalize(layer);
        return result;
    }

    /// <summary>√ω of the tokens of a sample, in the order of the rows of the layer's input; null for a layer that was not measured.</summary>
    public float[]? RootsOf(QuantizableLayer layer, int sample) => weights.TryGetValue(layer.Name, out var samples) ? samples[sample] : null;

    /// <summary>ω of the tokens of a layer, averaged over the samples; null for a layer that was not measured.</summary>
    public float[]? MeanOf(QuantizableLayer layer) => !weights.TryGetValue(layer.Name, out var samples) ? null
        : [.. Enumerable.Range(0, samples[0].Length).Select(t => samples.Average(s => s[t] * s[t]))];

    static void Normalize(float[][] samples)
    {
        double meanSquare = samples.Average(s => s.Average(v => (double)v));
        double Weight(float square) => meanSquare > 0 ? 1 - Share + Share * Math.Sqrt(square / meanSquare) : 1;
        double mean = samples.Average(s => s.Average(Weight));
        foreach (float[] sample in samples)
            for (int t = 0; t < sample.Length; t++)
                sample[t] = (float)Math.Sqrt(Weight(sample[t]) / mean);
    }
}
