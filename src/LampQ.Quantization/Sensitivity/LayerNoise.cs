using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>
/// What rounding does to the output of each layer, its input being that of the float model: E‖y‖² and E‖ŷ(b) − y‖², mean over samples. All layers
/// share one run a width, because each has a twin beside it whose result goes nowhere else.
/// </summary>
sealed class LayerNoise
{
    readonly Dictionary<string, double> signal = [];
    readonly Dictionary<(string Layer, int Bits), double> noise = [];

    /// <summary>Measures every layer of every group at every width offered.</summary>
    public static LayerNoise Measure(SensitivityContext context)
    {
        var result = new LayerNoise();
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        bool withInputs = context.Options.Profile == QuantizationProfile.Paper;
        var copy = context.Calibration.Model.Clone();
        var graph = copy.Graph;
        var outputs = new List<string>();
        foreach (var layer in layers)
        {
            var node = graph.Find(layer.Node.Output.Name)!.Producer!;
            var inputs = node.Inputs.ToArray();
            inputs[layer.WeightIndex] = graph.AddInput(WeightName(layer), ElementType.Float, [.. layer.WeightTensor.Shape.Select(d => new Dimension(d))]);
            if (withInputs)
                inputs[1 - layer.WeightIndex] = CandidateModel.Switchable(graph, inputs[1 - layer.WeightIndex]!, layer.Name, context.Quantizers.Input(layer, context.Bits[0]));
            var twin = graph.Emit(node.OpType, inputs, $"{layer.Name}:twin", [.. node.Attributes.Select(a => (a.Name, a.Value!))]);
            var y = graph.Find(layer.Output.Name)!;
            foreach (var energy in new[] { graph.Emit("ReduceSumSquare", [y]), graph.Emit("ReduceSumSquare", [graph.Emit("Sub", [twin, node.Output])]) })
            {
                graph.AddOutput(energy);
                outputs.Add(energy.Name);
            }
        }
        foreach (var output in graph.Outputs.Where(o => !outputs.Contains(o.Name)).ToArray())
            graph.RemoveOutput(output);
        graph.Sort();

        using var session = new OnnxSession(copy, context.Options.Run.Session);
        string input = copy.Graph.Inputs[0].Name;
        for (int b = 0; b < context.Bits.Count; b++)
        {
            var fed = new Dictionary<string, Tensor>();
            foreach (var layer in layers)
            {
                var plan = context.Quantizers.Plan(layer, context.Bits[b]);
                fed[WeightName(layer)] = CandidateModel.Stored(layer, plan.Weights.Dequantize());
                if (withInputs)
                    CandidateModel.Feed(fed, layer.Name, plan.Input, on: 1);
            }
            var sums = new double[outputs.Count];
            foreach (var batch in context.Samples.Tensors(context.Options.Run, context.Cancellation))
                session.Run(new Dictionary<string, Tensor>(fed) { [input] = batch }, [.. outputs], (i, _, values) => sums[i] += values[0]);
            for (int l = 0; l < layers.Length; l++)
            {
                result.signal[layers[l].Name] = sums[2 * l] / context.Samples.Count;
                result.noise[(layers[l].Name, context.Bits[b])] = sums[2 * l + 1] / context.Samples.Count;
            }
            context.Progress?.Invoke(context.Groups.Count * (b + 1) / context.Bits.Count, context.Groups.Count);
        }
        return result;
    }

    /// <summary>E‖y‖² of a sample, bias included.</summary>
    public double Signal(QuantizableLayer layer) => signal[layer.Name];

    /// <summary>E‖ŷ − y‖² of a sample at a width.</summary>
    public double Noise(QuantizableLayer layer, int bits) => noise[(layer.Name, bits)];

    static string WeightName(QuantizableLayer layer) => $"{layer.Name}:weight";
}
