using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// tr(F_i) = (1/S)·Σ_n ‖∂L_n/∂W_i‖², L the negative log-likelihood: the trace of the empirical Fisher information of each layer, squared per sample
/// and then averaged. The class is the label where every sample has one, else the model's own prediction.
/// </summary>
public static class FisherTraces
{
    // Larger batches were no faster (about three forward passes an image either way), and activations and gradients of a batch are alive together.
    const int LargestBatch = 2;

    /// <summary>Traces by layer name.</summary>
    public static IReadOnlyDictionary<string, double> Measure(Model model, IReadOnlyList<QuantizableLayer> layers, SampleSet samples, RunSettings settings, CancellationToken cancellation)
    {
        int batch = FixedBatch.Of(model) ?? (samples.Count % LargestBatch == 0 ? LargestBatch : 1);
        bool labelled = samples.HasLabels;
        string input = model.Graph.Inputs[0].Name;
        var fixedModel = new FixInputShapes(inputShapes: new Dictionary<string, long[]> { [input] = [batch, .. samples.Shape.Select(d => (long)d)] }).Apply(model);
        var fisher = FisherGraph.Build(fixedModel, labelled ? Loss.NegativeLogLikelihood : Loss.NegativeLogLikelihoodOfPrediction, layers);
        using var session = new OnnxSession(fisher.Model, settings.Session);
        string[] outputs = [.. fisher.Layers.Select(l => l.SquaredNorm)];
        var sums = new double[outputs.Length];
        int first = 0;
        foreach (var tensor in samples.Tensors(settings with { BatchSize = batch }, cancellation))
        {
            var inputs = new Dictionary<string, Tensor> { [input] = tensor };
            if (labelled)
                inputs[fisher.ExtraInputs[0]] = Tensor.Of([.. Enumerable.Range(first, batch).Select(i => (long)samples.Label(i)!.Value)]);
            session.Run(inputs, outputs, (i, _, norms) =>
            {
                foreach (float norm in norms)
                    sums[i] += norm;
            });
            first += batch;
        }
        return fisher.Layers.Select((l, i) => (l.Layer.Name, Trace: sums[i] / samples.Count)).ToDictionary(p => p.Name, p => p.Trace);
    }
}
