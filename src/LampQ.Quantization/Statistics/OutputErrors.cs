using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>Σ ω·‖W·(x̂ − x)‖² at the outputs of all layers that use an activation, for any quantizer of it, on recorded samples of the float network.</summary>
/// <param name="calibration">The float model.</param>
/// <param name="samples">A few samples; the inputs of all layers are kept for them.</param>
/// <param name="weights">What each token counts; null counts all alike.</param>
/// <param name="settings">Batch size and threads.</param>
public sealed class OutputErrors(Calibration calibration, SampleSet samples, TokenWeights? weights, RunSettings settings) : IDisposable
{
    readonly Dictionary<string, List<Tensor>> recorded = [];

    /// <summary>The error of quantizers of one activation; null where the layers behind it take no rows of channels.</summary>
    /// <param name="activation">Name of the value.</param>
    public Func<ActivationQuantizer, double>? Of(string activation)
    {
        var layers = calibration.Structure.Layers.Where(l => l.Input.Name == activation).ToArray();
        if (layers.Length == 0 || !layers.All(MomentsGraph.Suits))
            return null;
        return quantizer =>
        {
            // One session at a time: the candidates of one activation come one after the other, and are of one kind.
            if (current.Name != activation || current.Kind != quantizer.GetType())
            {
                current.Part?.Dispose();
                current = (activation, quantizer.GetType(), PartFor(layers, quantizer));
            }
            return Measure(current.Part!, layers, Recorded(activation), quantizer);
        };
    }

    /// <inheritdoc/>
    public void Dispose() => current.Part?.Dispose();

    (string? Name, Type? Kind, OnnxSession? Part) current;

    double Measure(OnnxSession part, QuantizableLayer[] layers, List<Tensor> batches, ActivationQuantizer quantizer)
    {
        double sum = 0;
        int first = 0;
        foreach (var x in batches)
        {
            int count = (int)x.Shape[0], rows = (int)(x.Count / layers[0].InputChannels);
            var fed = new Dictionary<string, Tensor>
            {
                ["x"] = Tensor.Of(x.As<float>(), rows, layers[0].InputChannels),
                ["root"] = MomentsGraph.Roots(layers[0], weights, first, count, rows),
            };
            foreach (var (name, value) in quantizer.Parameters)
                fed[$"x:{name}"] = value;
            part.Run(fed, ["error"], (_, _, values) => sum += values[0]);
            first += count;
        }
        return sum;
    }

    /// <summary>x, its quantizer and √ω in; the squared norm of √ω·W·(x̂ − x) out, W the weights of all layers one below the other.</summary>
    OnnxSession PartFor(QuantizableLayer[] layers, ActivationQuantizer kind)
    {
        var model = Model.Create(13);
        var graph = model.Graph;
        int channels = layers[0].InputChannels, outputs = layers.Sum(l => l.OutputChannels);
        var x = graph.AddInput("x", ElementType.Float, "rows", channels);
        var root = graph.AddInput("root", ElementType.Float, "rows", 1);
        var rounded = CandidateModel.Fed(graph, x, kind, "x");
        var weight = graph.AddInitializer("weight", Tensor.Of(LinearWeights.Transpose([.. layers.SelectMany(l => l.ReadWeight())], outputs, channels), channels, outputs));
        var error = graph.Emit("MatMul", [graph.Emit("Mul", [graph.Emit("Sub", [rounded, x]), root]), weight]);
        var sum = graph.Emit("ReduceSumSquare", [error], "error", ("keepdims", 0L));
        (sum.Type, sum.Shape) = (ElementType.Float, []);
        graph.AddOutput(sum);
        return new OnnxSession(model, settings.Session);
    }

    List<Tensor> Recorded(string activation)
    {
        if (recorded.Count == 0)
        {
            string[] names = [.. calibration.Structure.Layers.Where(MomentsGraph.Suits).Select(l => l.Input.Name).Distinct()];
            foreach (string name in names)
                recorded[name] = [];
            using var part = ModelPart.Of(calibration.Model, null, g => [.. names.Select(name => g.Find(name)!)], settings);
            foreach (var batch in samples.Tensors(settings))
                part.Run(batch, new Dictionary<string, Tensor>(), (i, shape, values) => recorded[names[i]].Add(Tensor.Of(values, shape)));
        }
        return recorded[activation];
    }
}
