using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>The scores (logits) a classifier gives for a set of samples, [samples, classes].</summary>
/// <param name="Classes">Number of classes.</param>
/// <param name="Scores">One row a sample.</param>
public sealed record ModelOutputs(int Classes, IReadOnlyList<float[]> Scores)
{
    /// <summary>Runs a model over samples and keeps its first output.</summary>
    /// <exception cref="InvalidDataException">The first output is no [batch, classes].</exception>
    public static ModelOutputs Of(ModelSession session, SampleSet samples, RunSettings settings, CancellationToken cancellation = default) =>
        Of(session, samples, settings, new Stopwatch(), cancellation);

    /// <summary>As the other one; <paramref name="running"/> runs while the model does, and stands while samples are loaded.</summary>
    internal static ModelOutputs Of(ModelSession session, SampleSet samples, RunSettings settings, Stopwatch running, CancellationToken cancellation)
    {
        var rows = new List<float[]>(samples.Count);
        string input = session.InputNames[0];
        foreach (var batch in samples.Tensors(settings, cancellation))
        {
            running.Start();
            session.Run(new Dictionary<string, Tensor> { [input] = batch }, [session.OutputNames[0]], (_, shape, values) => AddRows(rows, session.OutputNames[0], shape, values));
            running.Stop();
        }
        // The copies that filled up the last batch.
        if (rows.Count > samples.Count)
            rows.RemoveRange(samples.Count, rows.Count - samples.Count);
        return new ModelOutputs(rows.Count > 0 ? rows[0].Length : 0, rows);
    }

    /// <summary>Adds the rows of one batch [batch, classes].</summary>
    internal static void AddRows(List<float[]> rows, string name, ReadOnlySpan<long> shape, ReadOnlySpan<float> values)
    {
        if (shape.Length != 2)
            throw new InvalidDataException($"Output '{name}' has the shape [{string.Join(",", shape.ToArray())}]; a classifier's [batch, classes] is expected.");
        int classes = (int)shape[1];
        for (int row = 0; row < shape[0]; row++)
            rows.Add(values.Slice(row * classes, classes).ToArray());
    }

    /// <summary>The class of the largest score of each sample.</summary>
    public int[] Predictions() => [.. Scores.Select(s => System.Numerics.Tensors.TensorPrimitives.IndexOfMax<float>(s))];

    /// <summary>Mean over the samples of KL(p ‖ q) = Σ p·(ln p − ln q), p these outputs' softmax, q the other's; in nats, at least 0.</summary>
    public double MeanKl(ModelOutputs other)
    {
        if (other.Scores.Count != Scores.Count || other.Classes != Classes)
            throw new ArgumentException($"Outputs of {Scores.Count} samples and {Classes} classes cannot be compared with {other.Scores.Count} and {other.Classes}.", nameof(other));
        return Scores.Count == 0 ? 0 : Scores.Zip(other.Scores, Kl).Average();
    }

    /// <summary>Share of samples whose prediction is the same.</summary>
    public double Agreement(ModelOutputs other) =>
        Scores.Count == 0 ? 1 : Predictions().Zip(other.Predictions(), (a, b) => a == b ? 1.0 : 0.0).Average();

    /// <summary>Mean over the samples of the largest softmax probability, 0 to 1.</summary>
    public double MeanTopProbability() => Scores.Count == 0 ? 0 : Scores.Average(s => Math.Exp(s.Max() - LogSumExp(s)));

    /// <summary>Share of samples whose class is among the k largest scores; samples without a class do not count, and without any the answer is null. NaN counts as larger than everything, and a class whose score it is as wrong.</summary>
    public double? TopK(IReadOnlyList<int?> labels, int k)
    {
        int known = 0, right = 0;
        for (int i = 0; i < Scores.Count; i++)
            if (labels[i] is { } label)
            {
                known++;
                float own = Scores[i][label];
                // Ties count in favour of the earlier class, as argmax does.
                int before = 0;
                for (int c = 0; c < Classes; c++)
                    if (!(Scores[i][c] <= own) || (Scores[i][c] == own && c < label))
                        before++;
                if (before < k)
                    right++;
            }
        return known == 0 ? null : (double)right / known;
    }

    static double Kl(float[] p, float[] q)
    {
        double normP = LogSumExp(p), normQ = LogSumExp(q), sum = 0;
        for (int c = 0; c < p.Length; c++)
        {
            double logP = p[c] - normP;
            sum += Math.Exp(logP) * (logP - (q[c] - normQ));
        }
        return Math.Max(sum, 0);
    }

    static double LogSumExp(float[] scores)
    {
        double max = scores.Max(), sum = 0;
        foreach (float s in scores)
            sum += Math.Exp(s - max);
        return max + Math.Log(sum);
    }
}
