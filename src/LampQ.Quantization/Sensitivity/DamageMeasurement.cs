using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Measures what one group alone costs at one width: mean KL(p ‖ p̂), p the float model, p̂ with only that group quantized.</summary>
public sealed class DamageMeasurement : IDisposable
{
    readonly SensitivityContext context;
    readonly StartingPoints starts;
    CandidateModel? candidate;
    string? candidateStart;

    /// <summary>Records the starting points.</summary>
    public DamageMeasurement(SensitivityContext context)
    {
        this.context = context;
        var layers = context.Groups.SelectMany(g => g.Layers).ToArray();
        starts = StartingPoints.Record(context.Calibration.Model, context.Calibration.Structure, layers, context.Samples, context.Options.Run, context.Cancellation);
    }

    /// <summary>The damage of a group at a width, in nats a sample.</summary>
    public double Of(AllocationGroup group, int bits)
    {
        var model = CandidateFor(group);
        foreach (var layer in group.Layers)
            model.Set(layer.Name, context.Quantizers.Plan(layer, bits));
        var outputs = model.Run(starts.BatchesOf(candidateStart), context.Cancellation);
        foreach (var layer in group.Layers)
            model.SetFloat(layer);
        return context.Reference.MeanKl(outputs);
    }

    /// <summary>Mean KL(p ‖ p̂) in nats with other weights [N, K] in one layer of a group.</summary>
    public double OfWeight(AllocationGroup group, QuantizableLayer layer, float[] weight)
    {
        var model = CandidateFor(group);
        model.SetWeight(layer.Name, weight);
        var outputs = model.Run(starts.BatchesOf(candidateStart), context.Cancellation);
        model.SetFloat(layer);
        return context.Reference.MeanKl(outputs);
    }

    /// <inheritdoc/>
    public void Dispose() => candidate?.Dispose();

    // Groups come along the data, so one session at a time is enough.
    CandidateModel CandidateFor(AllocationGroup group)
    {
        string? start = group.Layers.Select(starts.StartOf).First();
        if (group.Layers.Any(l => starts.StartOf(l) != start))
            start = null;
        if (candidate is null || candidateStart != start)
        {
            candidate?.Dispose();
            var behind = context.Groups.SelectMany(g => g.Layers).ToArray();
            candidate = new CandidateModel(context.Calibration.Model, behind, context.VariedInputs, start, context.Options.Run);
            candidateStart = start;
        }
        return candidate;
    }
}
