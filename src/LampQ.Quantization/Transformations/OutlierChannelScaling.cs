using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// Divides the few channels of an fc2 input that tower above the rest by a factor f_c and multiplies the columns of W by it:
    /// x·Wᵀ = (x / f)·(W·f)ᵀ, as SmoothQuant does behind LayerNorm (arXiv 2211.10438, equation 3). Behind GELU nothing can take the factor, so the model gets a
    /// Mul by 1/f there; it is written only where it lowers the error of an 8-bit input many times over.
    /// </summary>
    /// <remarks>ViT-Tiny (AugReg) has one such layer, blocks.7.mlp.fc2, whose input reaches 210 where 99.99 % lie below 4: alone it costs a mean KL of
    /// 0.11 at 8 bits, everything else together 0.004.</remarks>
    public static EquivalentTransformation OutlierChannelScaling { get; } = new OutlierChannelScalingTransformation();
}

sealed class OutlierChannelScalingTransformation : EquivalentTransformation
{
    // The Mul costs a pass over the widest activation of the block; two bits of the input are worth it, less is not.
    const double LeastGain = 16;

    public override string Name => "outlier-channel-scaling";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) =>
        Suitable(structure).DistinctBy(l => l.Input.Name).ToDictionary(l => l.Input.Name, _ => Grouping.Channel);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var layer in Suitable(structure))
        {
            var channels = statistics[layer.Input.Name].Groups;
            var weight = layer.ReadWeight();
            var power = new double[channels.Count];
            for (int i = 0; i < weight.Length; i++)
                power[i % channels.Count] += weight[i] * (double)weight[i];

            double Error(float bound) => channels.Select((c, i) => ErrorOf(c, bound) * power[i]).Sum();
            float full = channels.Max(BoundOf);
            var (best, least) = Enumerable.Range(1, 20).Select(i => full * MathF.Pow(2, -i / 2f)).Select(b => (b, Error(b))).MinBy(p => p.Item2);
            if (!(least * LeastGain < Error(full)))
                continue;

            var factors = channels.Select(c => Math.Max(1, BoundOf(c) / best)).ToArray();
            for (int i = 0; i < weight.Length; i++)
                weight[i] *= factors[i % factors.Length];
            var scaled = model.Graph.Emit("Mul", [layer.Input, model.Graph.AddInitializer($"{layer.Name}.input_factor", Tensor.Of([.. factors.Select(f => 1 / f)]))],
                $"{layer.Name}.input_scaled");
            (scaled.Type, scaled.Shape) = (layer.Input.Type, layer.Input.Shape);
            layer.Node.SetInput(1 - layer.WeightIndex, scaled);
            layer.WriteWeight(weight);
        }
    }

    static IEnumerable<QuantizableLayer> Suitable(ModelStructure structure) =>
        structure.Layers.Where(l => l is { Type: LayerType.Fc2, WeightIndex: 1 } && l.Input.Uses.Count == 1);

    static float BoundOf(Histogram channel) => Math.Max(Math.Abs(channel.Min), Math.Abs(channel.Max));

    /// <summary>Mean squared error of one channel at 8 bits when channels above <paramref name="bound"/> are scaled down to it.</summary>
    static double ErrorOf(Histogram channel, float bound)
    {
        double factor = Math.Max(1, BoundOf(channel) / (double)bound), step = bound / 255.0 * factor, sum = 0;
        // Values below half a step become 0, which costs less than step²/12 where most of them are tiny.
        for (int bin = 0; bin < channel.Counts.Length; bin++)
            if (channel.Counts[bin] > 0)
            {
                double x = channel.Center(bin);
                sum += channel.Counts[bin] * (Math.Abs(x) < step / 2 ? x * x : step * step / 12);
            }
        return sum;
    }
}
