using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>
/// Moves the channels of a LayerNorm output by x'_c = (x_c − m_c)/f_c without changing the model: γ' = γ/f, β' = (β − m)/f, and in every layer
/// behind it W' = W·f (by column), b' = b + W·m. True for any m and any f above 0: which ones, is what transformations differ in.
/// </summary>
static class NormAffine
{
    // A channel that hardly moves would be blown up without bound, and with it the rounding of the float product behind it.
    const double SmallestShareOfMean = 1e-2;

    /// <summary>Norms whose output goes into linear layers alone, all of which can take a bias.</summary>
    public static IEnumerable<LayerNorm> Suitable(ModelStructure structure) => structure.Norms.Where(n =>
        n.FeedsOnlyLayers && n.Consumers.Count > 0 && n.Consumers.All(l => !l.Node.Is("Conv") && (l.BiasAdd is not null || l.Node.Is("Gemm") || !l.Output.IsGraphOutput))
        && (n.BetaUse is not null || n.GammaUse.Node.Is("LayerNormalization")));

    /// <summary>The suitable outputs, channel by channel.</summary>
    public static IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) => Suitable(structure).ToDictionary(n => n.Output.Name, _ => Grouping.Channel);

    /// <summary>Factors none of which is below a hundredth of their mean.</summary>
    public static double[] Bounded(double[] factors)
    {
        double least = SmallestShareOfMean * factors.Average();
        return [.. factors.Select(f => Math.Max(f, least))];
    }

    /// <summary>Middle and half width of the range that 8 bits keep.</summary>
    public static (double Middle, double Width) RangeOf(Histogram values)
    {
        var (min, max) = RangeSearch.Clip(values);
        return ((max + (double)min) / 2, (max - (double)min) / 2);
    }

    /// <summary>Moves every channel of every suitable norm so that all have middle 0 and one width, the mean of theirs.</summary>
    public static void Equalize(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, Func<Histogram, (double Middle, double Width)> find)
    {
        foreach (var norm in Suitable(structure))
        {
            var channels = statistics[norm.Output.Name].Groups.Select(find).ToArray();
            double mean = channels.Average(c => c.Width);
            if (mean > 0)
                Apply(model, norm, [.. channels.Select(c => c.Middle)], [.. Bounded([.. channels.Select(c => c.Width)]).Select(w => w / mean)]);
        }
    }

    /// <summary>Writes the change.</summary>
    /// <param name="model">Changed in place.</param>
    /// <param name="norm">One of <see cref="Suitable"/>.</param>
    /// <param name="shift">m, one a channel.</param>
    /// <param name="factor">f, one a channel, above 0.</param>
    public static void Apply(Model model, LayerNorm norm, double[] shift, double[] factor)
    {
        int channels = shift.Length;
        var gamma = norm.Gamma.Constant!.ToFloats();
        var beta = norm.Beta?.Constant!.ToFloats() ?? new float[channels];
        LinearWeights.Replace(norm.GammaUse.Node, norm.GammaUse.Index, Tensor.Of([.. gamma.Select((g, c) => (float)(g / factor[c]))], [.. norm.Gamma.Constant.Shape]));
        var newBeta = Tensor.Of([.. beta.Select((b, c) => (float)((b - shift[c]) / factor[c]))]);
        if (norm.BetaUse is { } use)
            LinearWeights.Replace(use.Node, use.Index, newBeta.Reshape([.. norm.Beta!.Constant!.Shape]));
        else
            norm.GammaUse.Node.SetInput(2, model.Graph.AddInitializer($"{norm.Output.Name}.beta", newBeta));

        foreach (var layer in norm.Consumers)
        {
            var weight = layer.ReadWeight();
            var bias = layer.ReadBias();
            for (int n = 0; n < layer.OutputChannels; n++)
            {
                double moved = 0;
                for (int c = 0; c < channels; c++)
                {
                    moved += weight[n * channels + c] * shift[c];
                    weight[n * channels + c] = (float)(weight[n * channels + c] * factor[c]);
                }
                bias[n] = (float)(bias[n] + moved);
            }
            layer.WriteWeight(weight);
            layer.WriteBias(bias);
        }
    }
}
