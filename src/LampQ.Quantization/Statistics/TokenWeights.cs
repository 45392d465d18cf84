using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// How much the loss minds an error at each token of each layer: ω_t ∝ (1 − u) + u·‖∂L/∂y_t‖/rms, 1 on average, y_t the layer's output, L = −log p(c) with classes c drawn from
/// the model. The second-order damage ½·E⟨∂L/∂y, Δy⟩² asks for the square of the norm (GuidedQuant, arXiv 2505.07004, with one group of channels); one drawn class an image is too noisy for it:
/// so weighed, the 12,608 tokens of 64 images are worth 75 to 840 (Kish's effective number), fewer than a layer has columns, and are fitted where others are not.
/// </summary>
/// <remarks>Memory does not grow with the samples: what was measured lies in an <see cref="ActivationStore"/>, and weights are computed of it when they are asked for.</remarks>
public sealed class TokenWeights : IDisposable
{
    /// <summary>u: what is drawn from few samples is noisy, and a token no sample minded must not be free.</summary>
    const double Share = 0.9;

    // ‖∂L/∂y_t‖² of each sample and layer (StoredAt).
    readonly ActivationStore squares;
    readonly Dictionary<string, LayerScale> layers;
    readonly int samples;

    TokenWeights(ActivationStore squares, Dictionary<string, LayerScale> layers, int samples) => (this.squares, this.layers, this.samples) = (squares, layers, samples);

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
        Draw(graph, graph.Find(model.Graph.Outputs[0].Name)!, graph.Find(fisher.ExtraInputs[0])!);
        graph.RemoveUnused();
        graph.Sort();

        var single = settings with { BatchSize = 1, Session = settings.Session with { Threads = 1 } };
        using var session = new OnnxSession(fisher.Model, single.Session);
        var squares = new ActivationStore(samples.Count * layers.Count);
        try
        {
            ModelPart.ForEachBatch(samples.Count, ModelPart.Parallelism(settings, cancellation), sample =>
            {
                // Each sample has draws of its own, so that they do not depend on which thread comes first.
                var random = new Random(unchecked(seed * 1_000_003 + sample));
                session.Run(new Dictionary<string, Tensor> { [input] = samples.Tensor(sample, single), [DrawName] = Tensor.OfBytes(ElementType.Double, BitConverter.GetBytes(random.NextDouble()), 1, 1) }, names,
                    (i, _, norms) => squares.Write(StoredAt(sample, i, layers.Count), norms, norms.Length));
            });
            return new TokenWeights(squares, Scales(squares, layers, samples.Count), samples.Count);
        }
        catch
        {
            squares.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Puts a class drawn from the scores in the place of the label: the first whose share of the softmax, added up over the classes, exceeds a number between 0 and 1 that is fed. So one run does
    /// what would be a forward pass to draw by and a pass with the class.
    /// </summary>
    static void Draw(Graph graph, Value scores, Value label)
    {
        const long Double = (long)ElementType.Double, Int64 = (long)ElementType.Int64;
        var exact = graph.Emit("Cast", [scores], ("to", Double));
        var upTo = graph.Emit("CumSum", [graph.Emit("Exp", [graph.Emit("Sub", [exact, graph.Emit("ReduceMax", [exact])])]), graph.AddInitializer("class_axis", Tensor.Scalar(1L))]);
        var limit = graph.Emit("Mul", [graph.Emit("ReduceMax", [upTo]), graph.AddInput(DrawName, ElementType.Double, [1, 1])]);
        var drawn = graph.Emit("ReduceSum", [graph.Emit("Cast", [graph.Emit("LessOrEqual", [upTo, limit])], ("to", Int64))], ("keepdims", 0L));
        graph.ReplaceUses(label, graph.Emit("Reshape", [drawn, graph.AddInitializer("one_label", Tensor.Of([1L]))]));
        graph.RemoveInput(label);
    }

    const string DrawName = "class_draw";

    /// <summary>√ω of the tokens of a sample, in the order of the rows of the layer's input; null for a layer that was not measured.</summary>
    /// <exception cref="IOException">The scratch file cannot be read.</exception>
    public float[]? RootsOf(QuantizableLayer layer, int sample)
    {
        if (!layers.TryGetValue(layer.Name, out var scale))
            return null;
        var roots = squares.Read(StoredAt(sample, scale.Layer, layers.Count), new ReusedMemory()).ToFloats();
        for (int t = 0; t < roots.Length; t++)
            roots[t] = (float)Math.Sqrt(scale.Weight(roots[t]) / scale.MeanWeight);
        return roots;
    }

    /// <summary>ω of the tokens of a layer, averaged over the samples; null for a layer that was not measured.</summary>
    /// <exception cref="IOException">The scratch file cannot be read.</exception>
    public float[]? MeanOf(QuantizableLayer layer)
    {
        if (RootsOf(layer, 0) is not { } first)
            return null;
        var sums = new double[first.Length];
        for (int sample = 0; sample < samples; sample++)
        {
            float[] roots = RootsOf(layer, sample)!;
            for (int t = 0; t < sums.Length; t++)
                sums[t] += roots[t] * roots[t];
        }
        return [.. sums.Select(sum => (float)(sum / samples))];
    }

    /// <inheritdoc/>
    public void Dispose() => squares.Dispose();

    /// <summary>Place of a sample and layer in the store.</summary>
    static int StoredAt(int sample, int layer, int layers) => sample * layers + layer;

    static Dictionary<string, LayerScale> Scales(ActivationStore squares, IReadOnlyList<QuantizableLayer> layers, int samples)
    {
        var memory = new ReusedMemory();
        // Over the samples, of the means over their tokens.
        double Mean(int layer, Func<float, double> of)
        {
            double mean = 0;
            for (int sample = 0; sample < samples; sample++)
            {
                var tokens = squares.Read(StoredAt(sample, layer, layers.Count), memory).As<float>();
                double sum = 0;
                foreach (float square in tokens)
                    sum += of(square);
                mean += sum / tokens.Length;
            }
            return mean / samples;
        }
        return layers.Select((layer, i) =>
        {
            var scale = new LayerScale(i, Mean(i, square => square), MeanWeight: 0);
            return (layer.Name, Scale: scale with { MeanWeight = Mean(i, scale.Weight) });
        }).ToDictionary(p => p.Name, p => p.Scale);
    }

    /// <summary>How weights of a layer follow from squared norms.</summary>
    /// <param name="Layer">Its number.</param>
    /// <param name="MeanSquare">Mean squared norm over all samples.</param>
    /// <param name="MeanWeight">Mean of <see cref="Weight"/>, which ω is divided by.</param>
    sealed record LayerScale(int Layer, double MeanSquare, double MeanWeight)
    {
        public double Weight(float square) => MeanSquare > 0 ? 1 - Share + Share * Math.Sqrt(square / MeanSquare) : 1;
    }
}
