using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// One scale a head for the operands of both attention products, as RepQ-ViT and AdaLog quantize them, without per-axis operators: the rows of
    /// W_q, W_k, W_v (and their biases) of head h are divided by its scale relative to a common one, the score scale becomes [H, 1, 1] and takes
    /// the product of q's and k's factors, and the columns of W_proj take v's.
    /// </summary>
    /// <remarks>ONNX Runtime loads Q/DQ with one scale a head before MatMul and then fails in Run, so the factors must be folded.
    /// V's factor is folded only where nothing but proj uses the context.</remarks>
    public static EquivalentTransformation AttentionFolding { get; } = new AttentionFoldingTransformation();
}

sealed class AttentionFoldingTransformation : EquivalentTransformation
{
    // The bound of a head is searched at 8 bits: fewer bits clip more, but alike in all heads, and only the ratio between heads is folded.
    const int Bits = 8;

    public override string Name => "attention-folding";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) =>
        Suitable(structure).SelectMany(a => new[] { a.Scores.Input(0)!, a.Scores.Input(1)!, a.Context.Input(1)! })
            .DistinctBy(v => v.Name).ToDictionary(v => v.Name, _ => Grouping.Head);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics)
    {
        foreach (var attention in Suitable(structure))
        {
            var q = Factors(statistics[attention.Scores.Input(0)!.Name]);
            var k = Factors(statistics[attention.Scores.Input(1)!.Name]);
            ScaleRows(attention.Q, attention.QChannels, q);
            ScaleRows(attention.K, attention.KChannels, k);
            ScaleScores(model.Graph, attention, [.. q.Zip(k, (a, b) => a * b)]);
            if (attention is { Proj: { } proj, ProjChannels: { } columns })
            {
                var v = Factors(statistics[attention.Context.Input(1)!.Name]);
                ScaleRows(attention.V, attention.VChannels, v);
                ScaleColumns(proj, columns, v);
            }
        }
    }

    /// <summary>Attentions over [B, H, T, d]: with heads in the batch axis no [H, 1, 1] scale fits, and they share one scale unfolded.</summary>
    static IEnumerable<Attention> Suitable(ModelStructure structure) =>
        structure.Attentions.Where(a => !a.HeadsShareBatchAxis && a.Scores.Input(0)!.Shape?.Count == 4);

    /// <summary>The bound of each head relative to their mean.</summary>
    static double[] Factors(ActivationStatistics heads)
    {
        var bounds = heads.Groups.Select(h => (double)RangeSearch.Centered(h, Bits).Scale).ToArray();
        double mean = bounds.Average();
        return [.. bounds.Select(b => b / mean)];
    }

    static void ScaleRows(QuantizableLayer layer, int[,] channels, double[] factors)
    {
        var weight = layer.ReadWeight();
        var bias = layer.ReadBias();
        for (int h = 0; h < factors.Length; h++)
            for (int c = 0; c < channels.GetLength(1); c++)
            {
                int n = channels[h, c];
                for (int i = 0; i < layer.InputChannels; i++)
                    weight[n * layer.InputChannels + i] = (float)(weight[n * layer.InputChannels + i] / factors[h]);
                bias[n] = (float)(bias[n] / factors[h]);
            }
        layer.WriteWeight(weight);
        if (layer.Bias is not null)
            layer.WriteBias(bias);
    }

    static void ScaleColumns(QuantizableLayer layer, int[,] channels, double[] factors)
    {
        var weight = layer.ReadWeight();
        for (int h = 0; h < factors.Length; h++)
            for (int c = 0; c < channels.GetLength(1); c++)
                for (int n = 0; n < layer.OutputChannels; n++)
                    weight[n * layer.InputChannels + channels[h, c]] = (float)(weight[n * layer.InputChannels + channels[h, c]] * factors[h]);
        layer.WriteWeight(weight);
    }

    static void ScaleScores(Graph graph, Attention attention, double[] factors)
    {
        var scores = attention.Scores.Output;
        if (attention.ScoreScale is { } scale)
        {
            int index = scale.Input(0) == scores ? 1 : 0;
            double old = attention.ScoreFactor!.Value;
            LinearWeights.Replace(scale, index, Tensor.Of([.. factors.Select(f => (float)(scale.Is("Div") ? 1 / (old * f) : old * f))], factors.Length, 1, 1));
            return;
        }
        var factor = graph.AddInitializer($"{scores.Name}.scale", Tensor.Of([.. factors.Select(f => (float)f)], factors.Length, 1, 1));
        var scaled = graph.Emit("Mul", [scores, factor], $"{scores.Name}.scaled");
        (scaled.Type, scaled.Shape) = (scores.Type, scores.Shape);
        graph.ReplaceUses(scores, scaled, except: scaled.Producer);
    }
}
