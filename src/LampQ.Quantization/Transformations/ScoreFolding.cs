using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class EquivalentTransformation
{
    /// <summary>
    /// One scale a head for queries and keys, as RepQ-ViT and AdaLog quantize them, without per-axis operators: the rows of W_q and W_k (and their biases) of head h are divided by its scale
    /// relative to a common one, and the score scale becomes [H, 1, 1] and takes the product of both factors.
    /// </summary>
    /// <remarks>ONNX Runtime loads Q/DQ with one scale a head before MatMul and then fails in Run, so the factors must be folded.</remarks>
    public static EquivalentTransformation ScoreFolding { get; } = new ScoreFoldingTransformation();
}

sealed class ScoreFoldingTransformation : EquivalentTransformation
{
    public override string Name => "score-folding";

    public override IReadOnlyDictionary<string, Grouping> Needs(ModelStructure structure) =>
        AttentionRows.Suitable(structure).SelectMany(a => new[] { a.Scores.Input(0)!, a.Scores.Input(1)! }).DistinctBy(v => v.Name).ToDictionary(v => v.Name, _ => Grouping.Head);

    protected override void ApplyCore(Model model, ModelStructure structure, IReadOnlyDictionary<string, ActivationStatistics> statistics, int bits)
    {
        foreach (var attention in AttentionRows.Suitable(structure))
        {
            var q = AttentionRows.HeadFactors(statistics[attention.Scores.Input(0)!.Name]);
            var k = AttentionRows.HeadFactors(statistics[attention.Scores.Input(1)!.Name]);
            AttentionRows.ScaleRows(attention.Q, attention.QChannels, (h, _) => q[h]);
            AttentionRows.ScaleRows(attention.K, attention.KChannels, (h, _) => k[h]);
            ScaleScores(model.Graph, attention, [.. q.Zip(k, (a, b) => a * b)]);
        }
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
