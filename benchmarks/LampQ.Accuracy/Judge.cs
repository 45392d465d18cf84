using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Accuracy;

/// <summary>A float model and what it makes of the evaluation images, beside which quantized models are held.</summary>
sealed class Judge
{
    readonly SampleSet evaluation;
    readonly int?[] labels;
    readonly ModelOutputs reference;

    /// <summary>Runs the float model.</summary>
    /// <param name="subject">The model.</param>
    /// <param name="data">The data folder.</param>
    /// <param name="limit">Most evaluation images.</param>
    public Judge(Subject subject, string data, int limit)
    {
        Model = Model.Read(subject.Path(data));
        evaluation = subject.Evaluation(data, limit);
        labels = [.. Enumerable.Range(0, evaluation.Count).Select(evaluation.Label)];
        using var session = new OnnxSession(Model);
        reference = ModelOutputs.Of(session, evaluation, new RunSettings());
        Top1 = reference.TopK(labels, 1)!.Value;
    }

    /// <summary>The float model.</summary>
    public Model Model { get; }

    /// <summary>Evaluation images.</summary>
    public int Images => evaluation.Count;

    /// <summary>Top-1 of the float model.</summary>
    public double Top1 { get; }

    /// <summary>What a quantized model has lost in ONNX Runtime.</summary>
    public Verdict Of(Model quantized, RunSettings settings)
    {
        using var session = new OnnxSession(quantized);
        return Of(session, settings);
    }

    /// <summary>What a quantized model has lost in a session of its own.</summary>
    public Verdict Of(ModelSession session, RunSettings settings)
    {
        var outputs = ModelOutputs.Of(session, evaluation, settings);
        return new(outputs.TopK(labels, 1)!.Value - Top1, reference.Agreement(outputs), reference.MeanKl(outputs));
    }
}

/// <summary>A quantized model beside its float model.</summary>
/// <param name="Top1Change">Top-1 less that of the float model, a share.</param>
/// <param name="Agreement">Share of equal predictions.</param>
/// <param name="Kl">Mean KL(fp32 ‖ quantized).</param>
sealed record Verdict(double Top1Change, double Agreement, double Kl);
