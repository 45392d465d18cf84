using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// Values of a float model from which everything behind follows (the residual stream before each LayerNorm), recorded over samples: a candidate
/// that changes one late layer starts there and not at the image. Over a deep model this halves the work, and the later half of the
/// work of each block too.
/// </summary>
public sealed class StartingPoints
{
    readonly Dictionary<string, string?> startOf = [];
    readonly Dictionary<string, List<Tensor>> recorded = [];
    readonly SampleSet samples;
    readonly RunSettings settings;

    StartingPoints(SampleSet samples, RunSettings settings) => (this.samples, this.settings) = (samples, settings);

    /// <summary>Finds the latest starting point before each layer and records the values of all of them.</summary>
    public static StartingPoints Record(Model model, ModelStructure structure, IReadOnlyList<QuantizableLayer> layers, SampleSet samples, RunSettings settings,
        CancellationToken cancellation)
    {
        var points = new StartingPoints(samples, settings);
        var cuts = Cuts(model, structure);
        foreach (var layer in layers)
            points.startOf[layer.Name] = LatestBefore(layer, cuts)?.Name;
        string[] needed = [.. points.startOf.Values.Where(s => s is not null).Distinct()!];
        if (needed.Length == 0)
            return points;

        var probe = model.Clone();
        foreach (string name in needed)
        {
            points.recorded[name] = [];
            probe.Graph.AddOutput(probe.Graph.Find(name)!);
        }
        using var session = new OnnxSession(probe, settings.Session);
        foreach (var batch in samples.Tensors(settings, cancellation))
            session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = batch }, needed, (i, shape, values) =>
                points.recorded[needed[i]].Add(Tensor.Of(values, shape)));
        return points;
    }

    /// <summary>The values from which everything behind follows, along the data.</summary>
    public static Value[] Cuts(Model model, ModelStructure structure) => [.. structure.Norms.Select(n => n.Input).Distinct().Where(v => IsCut(model.Graph, v))];

    /// <summary>The last of some cuts that a layer depends on; null when it depends on none.</summary>
    public static Value? LatestBefore(QuantizableLayer layer, IEnumerable<Value> cuts) => cuts.LastOrDefault(cut => Reaches(layer.Node, cut));

    /// <summary>Name of the value to start at for a candidate of this layer; null is the model's input.</summary>
    public string? StartOf(QuantizableLayer layer) => startOf[layer.Name];

    /// <summary>The recorded batches of a starting point.</summary>
    public IEnumerable<Tensor> BatchesOf(string? start) => start is null ? samples.Tensors(settings) : recorded[start];

    /// <summary>True when the outputs depend on the graph inputs only through <paramref name="cut"/>.</summary>
    static bool IsCut(Graph graph, Value cut)
    {
        if (cut.Shape is null || cut.IsGraphInput || cut.Constant is not null)
            return false;
        var seen = new HashSet<Value>();
        var open = new Stack<Value>(graph.Outputs);
        while (open.TryPop(out var value))
        {
            if (value == cut || !seen.Add(value))
                continue;
            if (value.IsGraphInput)
                return false;
            foreach (var input in value.Producer?.Inputs ?? [])
                if (input is not null)
                    open.Push(input);
        }
        return true;
    }

    static bool Reaches(Node node, Value cut)
    {
        var seen = new HashSet<Value>();
        var open = new Stack<Value>(node.Inputs.OfType<Value>());
        while (open.TryPop(out var value))
        {
            if (value == cut)
                return true;
            if (seen.Add(value))
                foreach (var input in value.Producer?.Inputs ?? [])
                    if (input is not null)
                        open.Push(input);
        }
        return false;
    }
}
