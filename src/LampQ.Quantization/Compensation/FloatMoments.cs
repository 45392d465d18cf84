using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Moments of every layer's input in the float network: what damage is measured with while the widths of the layers before are still open.</summary>
public static class FloatMoments
{
    /// <summary>Floats of moments that are summed in one pass over the samples; wider models take more passes, not more memory.</summary>
    const long MostFloatsAPass = 32_000_000;

    /// <summary>Moments by layer name; layers whose inputs are no rows of channels have none.</summary>
    public static IReadOnlyDictionary<string, LayerMoments> Collect(Model model, IReadOnlyList<QuantizableLayer> layers, SampleSet samples, TokenWeights? weights, RunSettings settings,
        CancellationToken cancellation = default)
    {
        var result = new Dictionary<string, LayerMoments>();
        var open = new Queue<QuantizableLayer>(layers.Where(MomentsGraph.Suits));
        while (open.Count > 0)
        {
            var pass = new List<QuantizableLayer>();
            for (long floats = 0; open.TryPeek(out var next) && (pass.Count == 0 || floats + Squared(next) <= MostFloatsAPass); floats += Squared(next))
                pass.Add(open.Dequeue());
            foreach (var layer in pass)
                result[layer.Name] = new LayerMoments(layer.OutputChannels, layer.InputChannels);
            AddUp(model, pass, result, samples, weights, settings, cancellation);
            foreach (var layer in pass)
                result[layer.Name].SetTargetTo(layer.ReadWeight(), layer.ReadBias());
        }
        return result;
    }

    static long Squared(QuantizableLayer layer) => (long)layer.InputChannels * layer.InputChannels;

    static void AddUp(Model model, List<QuantizableLayer> layers, Dictionary<string, LayerMoments> sums, SampleSet samples, TokenWeights? weights, RunSettings settings, CancellationToken cancellation)
    {
        // √ω of a batch is fed to the gram of each layer, and how many rows that is follows from one look at the inputs.
        var rows = RowsOfASample(model, layers, samples, settings);
        using var part = ModelPart.Of(model, null, g => [.. layers.Select(l => MomentsGraph.Emit(g, l, outputs: null)[0])], settings);
        Parallel.ForEach(samples.Tensors(settings, cancellation), ModelPart.Parallelism(settings, cancellation), (images, _, batch) =>
        {
            int count = (int)images.Shape[0];
            var roots = layers.ToDictionary(MomentsGraph.RootName, l => MomentsGraph.Roots(l, weights, (int)batch * settings.BatchSize, count, rows[l.Name] * count));
            part.Run(images, roots, (i, _, gram) =>
            {
                var sum = sums[layers[i].Name];
                lock (sum)
                    sum.AddGram(gram);
            });
        });
    }

    static Dictionary<string, int> RowsOfASample(Model model, List<QuantizableLayer> layers, SampleSet samples, RunSettings settings)
    {
        var first = samples.Tensors(settings).First();
        string[] inputs = [.. layers.Select(l => l.Input.Name).Distinct()];
        var elements = new Dictionary<string, int>();
        using var part = ModelPart.Of(model, null, g => [.. inputs.Select(name => g.Find(name)!)], settings);
        part.Run(first, new Dictionary<string, Tensor>(), (i, _, values) => elements[inputs[i]] = values.Length);
        return layers.ToDictionary(l => l.Name, l => elements[l.Input.Name] / l.InputChannels / (int)first.Shape[0]);
    }
}
