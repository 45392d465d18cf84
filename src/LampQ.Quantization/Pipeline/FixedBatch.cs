using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>Fits options and samples to a model that takes a fixed number of samples at once: whole batches only, so that no sample counts twice.</summary>
static class FixedBatch
{
    /// <summary>Samples a run where the model's first input fixes them; null where it takes any number.</summary>
    public static int? Of(Model model) => model.Graph.Inputs is [{ Shape: [{ Size: { } batch }, ..] }, ..] ? (int)batch : null;

    /// <summary>Options that run <paramref name="batch"/> samples at once, and as many samples as fill whole batches.</summary>
    /// <exception cref="ArgumentException">There are fewer samples than one batch.</exception>
    public static (QuantizationOptions Options, SampleSet Samples) Fit(QuantizationOptions options, SampleSet samples, int batch)
    {
        if (samples.Count < batch)
            throw new ArgumentException($"The model takes {batch} samples at once, but there are {samples.Count}. Give at least as many, or export it with another batch.", nameof(samples));
        return (options with { Run = options.Run with { BatchSize = batch } }, samples.Take(samples.Count - samples.Count % batch));
    }
}
