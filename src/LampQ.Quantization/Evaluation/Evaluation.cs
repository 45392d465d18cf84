using System.Diagnostics;
using LampQ.Runtime;

namespace LampQ.Quantization;

/// <summary>How good a classifier is on a set of samples, and how close to another one.</summary>
public sealed record Evaluation
{
    /// <summary>Samples that were run.</summary>
    public required int Images { get; init; }

    /// <summary>Samples whose class is known.</summary>
    public required int Labelled { get; init; }

    /// <summary>Share of the labelled samples whose class has the largest score, 0 to 1; null without labels.</summary>
    public double? Top1 { get; init; }

    /// <summary>Share of the labelled samples whose class is among the five largest scores, 0 to 1; null without labels.</summary>
    public double? Top5 { get; init; }

    /// <summary>Share of samples for which the reference predicts the same class, 0 to 1; null without a reference.</summary>
    public double? Agreement { get; init; }

    /// <summary>Mean over the samples of KL(reference ‖ model) of the class probabilities, in nats; null without a reference.</summary>
    public double? MeanKl { get; init; }

    /// <summary>Samples a second of the model alone: loading and decoding are not counted.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Runs a classifier over samples.</summary>
    /// <param name="session">The classifier; its first output is [batch, classes].</param>
    /// <param name="samples">What to run it on; labels must fit its classes (<see cref="SampleSet.CheckLabels"/>).</param>
    /// <param name="settings">Batch size and threads.</param>
    /// <param name="reference">What another model says about the same samples; null compares with nothing.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    /// <exception cref="InvalidDataException">A sample cannot be loaded, or the first output is no [batch, classes].</exception>
    /// <exception cref="ArgumentException">The reference has another number of samples or classes.</exception>
    public static Evaluation Of(ModelSession session, SampleSet samples, RunSettings settings, ModelOutputs? reference = null, CancellationToken cancellation = default)
    {
        var running = new Stopwatch();
        var outputs = ModelOutputs.Of(session, samples, settings, running, cancellation);
        return Of(outputs, samples, reference) with { ImagesPerSecond = samples.Count / Math.Max(running.Elapsed.TotalSeconds, 1e-9) };
    }

    /// <summary>Evaluates what a model has said already; <see cref="ImagesPerSecond"/> is 0.</summary>
    /// <param name="outputs">One row a sample.</param>
    /// <param name="samples">The samples, for their labels.</param>
    /// <param name="reference">What another model says about the same samples; null compares with nothing.</param>
    public static Evaluation Of(ModelOutputs outputs, SampleSet samples, ModelOutputs? reference = null)
    {
        int?[] labels = [.. Enumerable.Range(0, samples.Count).Select(samples.Label)];
        return new Evaluation
        {
            Images = samples.Count,
            Labelled = labels.Count(l => l is not null),
            Top1 = outputs.TopK(labels, 1),
            Top5 = outputs.TopK(labels, 5),
            Agreement = reference?.Agreement(outputs),
            MeanKl = reference?.MeanKl(outputs),
            ImagesPerSecond = 0,
        };
    }
}
