using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// One ONNX Runtime session that serves every candidate: the weights of all layers, and the quantizers of their inputs, are inputs of the graph.
/// It starts at a given value of the float model, so that a search over late layers need not run the early ones again.
/// </summary>
/// <remarks>
/// The input of a layer becomes x + on·(x̂ − x): with on = 0 it is the float value, with on = 1 the quantized one. Feeding weights costs a
/// repacking on every run, a few per cent, against the 0.1 s and more that a session of its own would take for each of the hundreds of candidates.
/// </remarks>
public sealed class CandidateModel : IDisposable
{
    readonly OnnxSession session;
    readonly Dictionary<string, QuantizableLayer> layers;
    readonly Dictionary<string, Tensor> fed = [];
    readonly Func<QuantizableLayer, ActivationQuantizer>? inputs;
    readonly int workers;

    /// <summary>Makes the session.</summary>
    /// <param name="model">The float model, equivalent transformations applied.</param>
    /// <param name="layers">The layers that vary, found in <paramref name="model"/>.</param>
    /// <param name="inputs">A quantizer of a layer's input, of the kind of all that will be set; null where the inputs stay float.</param>
    /// <param name="start">Name of the value to start at; null starts at the model's input.</param>
    /// <param name="settings">Threads.</param>
    public CandidateModel(Model model, IReadOnlyList<QuantizableLayer> layers, Func<QuantizableLayer, ActivationQuantizer>? inputs, string? start, RunSettings settings)
    {
        this.inputs = inputs;
        this.layers = layers.ToDictionary(l => l.Name);
        var copy = model.Clone();
        var graph = copy.Graph;
        foreach (var layer in layers)
        {
            var node = Twin(graph, layer);
            var shape = layer.WeightTensor.Shape;
            node.SetInput(layer.WeightIndex, graph.AddInput(WeightName(layer.Name), ElementType.Float, [.. shape.Select(d => new Dimension(d))]));
            if (inputs is not null)
                node.SetInput(1 - layer.WeightIndex, Switchable(graph, node.Input(1 - layer.WeightIndex)!, layer.Name, inputs(layer)));
            SetFloat(layer);
        }
        Start = start is null ? graph.Inputs[0].Name : CutAt(graph, graph.Find(start)!);
        graph.RemoveUnused();
        foreach (var unused in graph.Inputs.Where(v => v.IsUnused).ToArray())
            graph.RemoveInput(unused);
        // Batches run side by side, one thread each: that scales better than sharing every small operation between threads.
        workers = settings.Session.Threads > 0 ? settings.Session.Threads : Environment.ProcessorCount;
        session = new OnnxSession(copy, settings.Session with { Threads = 1 });
        var needed = session.InputNames.ToHashSet();
        foreach (string unused in fed.Keys.Where(name => !needed.Contains(name)).ToArray())
            fed.Remove(unused);
    }

    /// <summary>Name of the value the session starts at.</summary>
    public string Start { get; }

    /// <summary>Gives a layer its float weight and float input back.</summary>
    public void SetFloat(QuantizableLayer layer)
    {
        fed[WeightName(layer.Name)] = layer.WeightTensor;
        if (inputs is not null)
            Feed(fed, layer.Name, inputs(layer), on: 0);
    }

    /// <summary>Gives a layer quantized weights and, where inputs vary, a quantized input.</summary>
    public void Set(string layerName, LayerPlan plan)
    {
        SetWeight(layerName, plan.Weights.Dequantize());
        if (inputs is not null)
            Feed(fed, layerName, plan.Input, on: 1);
    }

    /// <summary>Gives a layer other weights, row-major [N, K], and leaves its input as it is.</summary>
    public void SetWeight(string layerName, float[] weight) => fed[WeightName(layerName)] = Stored(layers[layerName], weight);

    /// <summary>W [N, K] in the layout in which the layer's node takes it.</summary>
    internal static Tensor Stored(QuantizableLayer layer, float[] weight) =>
        Tensor.Of(layer.IsRowPerOutput ? weight : LinearWeights.Transpose(weight, layer.OutputChannels, layer.InputChannels), [.. layer.WeightTensor.Shape]);

    /// <summary>Runs the candidate from recorded start values.</summary>
    /// <param name="starts">Batches of the value <see cref="Start"/>.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    public ModelOutputs Run(IEnumerable<Tensor> starts, CancellationToken cancellation = default)
    {
        string output = session.OutputNames[0];
        var batches = new System.Collections.Concurrent.ConcurrentDictionary<long, List<float[]>>();
        Parallel.ForEach(starts, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellation }, (start, _, index) =>
        {
            var rows = batches[index] = [];
            session.Run(new Dictionary<string, Tensor>(fed) { [Start] = start }, [output], (_, shape, values) => ModelOutputs.AddRows(rows, output, shape, values));
        });
        float[][] all = [.. batches.OrderBy(b => b.Key).SelectMany(b => b.Value)];
        return new ModelOutputs(all.Length > 0 ? all[0].Length : 0, all);
    }

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

    /// <summary>Values for what <see cref="Switchable"/> added under a name.</summary>
    internal static void Feed(Dictionary<string, Tensor> fed, string name, ActivationQuantizer quantizer, float on)
    {
        foreach (var (parameter, value) in quantizer.Parameters)
            fed[$"{name}:{parameter}"] = value;
        fed[$"{name}:on"] = Tensor.Scalar(on);
    }

    /// <summary>x + on·(x̂ − x), the parameters of the quantizer and "on" being inputs of the graph.</summary>
    internal static Value Switchable(Graph graph, Value x, string name, ActivationQuantizer kind)
    {
        var rounded = Fed(graph, x, kind, name);
        return graph.Emit("Add", [x, graph.Emit("Mul", [graph.Emit("Sub", [rounded, x]), graph.AddInput($"{name}:on", ElementType.Float)])]);
    }

    /// <summary>x̂, the parameters of the quantizer being inputs of the graph, "name:parameter" each.</summary>
    internal static Value Fed(Graph graph, Value x, ActivationQuantizer kind, string name)
    {
        var parameters = kind.Parameters.ToDictionary(p => p.Name, p => graph.AddInput($"{name}:{p.Name}", p.Value.Type, [.. p.Value.Shape.Select(_ => new Dimension(null, $"{name}:{p.Name}"))]));
        return kind.Emit(graph, x, p => parameters[p], name);
    }

    static Node Twin(Graph graph, QuantizableLayer layer) => graph.Find(layer.Node.Output.Name)!.Producer!;

    static string WeightName(string layer) => $"{layer}:weight";

    static string CutAt(Graph graph, Value value)
    {
        var input = graph.AddInput(graph.NewName($"{value.Name}:start"), ElementType.Float, value.Shape ?? throw new InvalidOperationException($"The shape of '{value.Name}' is not known."));
        graph.ReplaceUses(value, input);
        return input.Name;
    }
}
