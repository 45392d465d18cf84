namespace LampQ.Quantization;

/// <summary>Consecutive samples of a <see cref="SampleSet"/>, ready to be fed to a model.</summary>
/// <param name="first">Index of the first sample in its set.</param>
/// <param name="count">Number of samples.</param>
/// <param name="sampleShape">Shape of one sample.</param>
/// <param name="values">[count, sampleShape...]; overwritten by the next batch.</param>
public readonly struct SampleBatch(int first, int count, IReadOnlyList<int> sampleShape, Memory<float> values)
{
    /// <summary>Index of the first sample in its set.</summary>
    public int First { get; } = first;

    /// <summary>Number of samples.</summary>
    public int Count { get; } = count;

    /// <summary>Values [<see cref="Dimensions"/>], the last axis running fastest. Valid until the next batch is asked for.</summary>
    public Memory<float> Values { get; } = values;

    /// <summary>Shape of <see cref="Values"/>: the number of samples, then the shape of one.</summary>
    public long[] Dimensions => [Count, .. sampleShape.Select(axis => (long)axis)];
}
