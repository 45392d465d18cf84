using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>Samples without their classes.</summary>
static class Unlabelled
{
    public static SampleSet Of(SampleSet samples) => Of(samples, 0, samples.Count);

    public static SampleSet Of(SampleSet samples, int first, int count) => SampleSet.FromTensors(samples.Shape, [.. Enumerable.Range(first, count).Select(i =>
    {
        var values = new float[samples.SampleLength];
        samples.Load(i, values);
        return values;
    })]);
}
