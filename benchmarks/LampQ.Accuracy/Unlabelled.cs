using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>Samples without their classes.</summary>
static class Unlabelled
{
    public static SampleSet Of(SampleSet samples) => SampleSet.FromTensors(samples.Shape, [.. Enumerable.Range(0, samples.Count).Select(i =>
    {
        var values = new float[samples.SampleLength];
        samples.Load(i, values);
        return values;
    })]);
}
