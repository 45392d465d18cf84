using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// One ONNX Runtime session that serves every candidate: the weights of all layers, and the quantizers of their inputs, are inputs of the graph.
/// It starts at a given value of the float model, so that a search over late layers need not run the early ones again.
/// </summary>
/// <remarks>
/// The input of a layer becomes x + on·(Q/DQ(x) − x): with on = 0 it is the float value, with on = 1 the quantized one. Feeding weights costs a
/// repacking on every run, a few per cent, against the 0.1 s and more that a session of its own would take for each of the hundreds of candidates.
/// </remarks>
public sealed class CandidateModel : IDisposable
{
    readonly OnnxSession session;
    readonly Dictionary<string, QuantizableLayer> layers;
    readonly Dictionary<string, Tensor> fed = [];
    readonly bool quantizeInputs;
    readonly int workers;

    /// <summary>Makes the session.</summary>
    /// <param name="model">The float model, equivalent transformations applied.</param>
    /// <param name="layers">The layers that vary, found in <paramref name="model"/>.</param>
    /// <param name="quantizeInputs">True when the inputs of layers vary too.</param>
    /// <param name="start">Name of the value to start at; null starts at the model's input.</param>
    /// <param name="settings">Threads.</param>
    public CandidateModel(Model model, IReadOnlyList<QuantizableLayer> layers, bool quantizeInputs, string? start, RunSettings settings)
    {
        this.quantizeInputs = quantizeInputs;
        this.layers = layers.ToDictionary(l => l.Name);
        var copy = model.Clone();
        var graph = copy.Graph;
        foreach (var layer in layers)
        {
            var node = Twin(graph, layer);
            var shape = layer.WeightTensor.Shape;
            node.SetInput(layer.WeightIndex, graph.AddInput(WeightName(layer.Name), ElementType.Float, [.. shape.Select(d => new Dimension(d))]));
            if (quantizeInputs)
                node.SetInput(1 - layer.WeightIndex, Switchable(graph, node.Input(1 - layer.WeightIndex)!, layer.Name));
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
        if (quantizeInputs)
            Feed(fed, layer.Name, new AffineQuantizer(1, 0, 0, 255), on: 0);
    }

    /// <summary>Gives a layer quantized weights and, where inputs vary, a quantized input.</summary>
    public void Set(string layerName, LayerPlan plan)
    {
        SetWeight(layerName, plan.Weights.Dequantize());
        if (quantizeInputs)
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
    internal static void Feed(Dictionary<string, Tensor> fed, string name, AffineQuantizer quantizer, float on)
    {
        fed[$"{name}:scale"] = Tensor.Scalar(quantizer.Scale);
        fed[$"{name}:zero"] = Tensor.Scalar((byte)quantizer.ZeroPoint);
        fed[$"{name}:min"] = Tensor.Scalar(quantizer.Minimum);
        fed[$"{name}:max"] = Tensor.Scalar(quantizer.Maximum);
        fed[$"{name}:on"] = Tensor.Scalar(on);
    }

    /// <summary>x + on·(Q/DQ(x) − x), the quantizer and "on" being inputs of the graph.</summary>
    internal static Value Switchable(Graph graph, Value x, string name)
    {
        Value Scalar(string what, ElementType type = ElementType.Float) => graph.AddInput($"{name}:{what}", type);
        var scale = Scalar("scale");
        var zero = Scalar("zero", ElementType.UInt8);
        var clipped = graph.Emit("Clip", [x, Scalar("min"), Scalar("max")]);
        var rounded = graph.Emit("DequantizeLinear", [graph.Emit("QuantizeLinear", [clipped, scale, zero]), scale, zero]);
        return graph.Emit("Add", [x, graph.Emit("Mul", [graph.Emit("Sub", [rounded, x]), Scalar("on")])]);
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
