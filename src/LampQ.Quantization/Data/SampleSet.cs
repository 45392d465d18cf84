using System.Runtime.ExceptionServices;

namespace LampQ.Quantization;

/// <summary>The inputs that a model is calibrated with or evaluated on: equally shaped tensors, with class labels where they are known.</summary>
/// <remarks>
/// Nothing is held in memory that need not be: samples are loaded when they are asked for, so 500 images take no more memory
/// than 32 (image sets keep up to a fixed number of bytes of decoded pixels). Sets do not change, and loading is safe from several threads at once.
/// </remarks>
public abstract partial class SampleSet
{
    private protected SampleSet(IReadOnlyList<int> shape)
    {
        Shape = shape;
        SampleLength = checked(shape.Aggregate(1, (product, axis) => checked(product * axis)));
    }

    /// <summary>Number of samples, at least 1.</summary>
    public abstract int Count { get; }

    /// <summary>Shape of one sample without the batch axis, for example [3, 224, 224].</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values in one sample.</summary>
    public int SampleLength { get; }

    /// <summary>Whether every sample has a label.</summary>
    public bool HasLabels => Enumerable.Range(0, Count).All(index => Label(index) is not null);

    /// <summary>What to call a sample: a file name as far as it has one.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not below <see cref="Count"/>.</exception>
    public string Name(int index) => Describe(index).Name;

    /// <summary>Class of a sample, 0 or more, or null when it is not known.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not below <see cref="Count"/>.</exception>
    public int? Label(int index) => Describe(index).Label;

    /// <summary>Writes one sample.</summary>
    /// <param name="index">From 0 to <see cref="Count"/> − 1.</param>
    /// <param name="destination">Filled with <see cref="Shape"/>, the last axis running fastest; exactly <see cref="SampleLength"/> long.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not below <see cref="Count"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="InvalidDataException">The file behind it cannot be read or decoded, has another shape, or holds NaN or infinity; the message names it.</exception>
    public void Load(int index, Span<float> destination)
    {
        CheckIndex(index);
        if (destination.Length != SampleLength)
            throw new ArgumentException($"The destination holds {destination.Length:N0} floats; a sample of shape [{string.Join(", ", Shape)}] has {SampleLength:N0}.", nameof(destination));
        LoadCore(index, destination);
        foreach (var value in destination)
        {
            if (!float.IsFinite(value))
                throw new InvalidDataException($"Sample '{Name(index)}' holds the value {value}; expected finite numbers. Correct or remove it.");
        }
    }

    /// <summary>All samples in order, in batches that share one buffer.</summary>
    /// <param name="batchSize">Samples per batch, at least 1; the last batch may be smaller.</param>
    /// <returns>Each batch is valid until the next one is asked for.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1, or a batch would exceed the largest array.</exception>
    /// <exception cref="InvalidDataException">As <see cref="Load"/>; with several broken samples in a batch it is the first that is named.</exception>
    /// <remarks>The samples of a batch are loaded on all processors; each worker holds one decoded picture.</remarks>
    public IEnumerable<SampleBatch> Batches(int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        var rows = Math.Min(batchSize, Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)rows * SampleLength, Array.MaxLength, nameof(batchSize));
        return Stream(rows);
    }

    IEnumerable<SampleBatch> Stream(int batchSize)
    {
        var buffer = new float[batchSize * SampleLength];
        for (var first = 0; first < Count; first += batchSize)
        {
            var count = Math.Min(batchSize, Count - first);
            Fill(buffer, first, count);
            yield return new SampleBatch(first, count, Shape, buffer.AsMemory(0, count * SampleLength));
        }
    }

    void Fill(float[] buffer, int first, int count)
    {
        if (count == 1)
        {
            Load(first, buffer.AsSpan(0, SampleLength));
            return;
        }
        var failures = new Exception?[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            try
            {
                Load(first + i, buffer.AsSpan(i * SampleLength, SampleLength));
            }
            catch (Exception failure)
            {
                // Kept in order, so that the same sample is blamed in every run.
                failures[i] = failure;
            }
        });
        if (failures.FirstOrDefault(failure => failure is not null) is { } earliest) ExceptionDispatchInfo.Throw(earliest);
    }

    /// <summary>The first <paramref name="count"/> samples, or all of them when there are fewer.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public SampleSet Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return count >= Count ? this : new SelectedSamples(this, [.. Enumerable.Range(0, count)]);
    }

    /// <summary>
    /// <paramref name="count"/> different samples drawn at random, or all of them, shuffled, when there are fewer: the first
    /// places of a Fisher–Yates shuffle. The same seed draws the same samples on every machine, and fewer samples are a prefix of more.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public SampleSet Sample(int count, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var random = new SplitMix64((ulong)seed);
        var indices = Enumerable.Range(0, Count).ToArray();
        var drawn = Math.Min(count, Count);
        for (var i = 0; i < drawn; i++)
        {
            var other = i + random.Below(Count - i);
            (indices[i], indices[other]) = (indices[other], indices[i]);
        }
        return new SelectedSamples(this, indices[..drawn]);
    }

    /// <summary>Checks that every label that is known fits a model.</summary>
    /// <param name="classes">Number of classes of the model, at least 1.</param>
    /// <exception cref="InvalidDataException">A label is not below <paramref name="classes"/>; the message names file, line, label and range.</exception>
    public void CheckLabels(int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        for (var index = 0; index < Count; index++)
        {
            var sample = Describe(index);
            if (sample.Label is { } label && (label < 0 || label >= classes))
                throw new InvalidDataException($"{sample.Origin} gives '{sample.Name}' the class {label}; the model has the classes 0 to {classes - 1}. Correct the label, or use the model that the labels belong to.");
        }
    }

    private protected SampleDescription Describe(int index)
    {
        CheckIndex(index);
        return DescribeCore(index);
    }

    void CheckIndex(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
    }

    /// <summary>Writes a sample; index and length are checked.</summary>
    private protected abstract void LoadCore(int index, Span<float> destination);

    /// <summary>Name, label and origin of a sample; the index is checked.</summary>
    private protected abstract SampleDescription DescribeCore(int index);

    /// <summary>Some samples of another set, whose cache they share.</summary>
    sealed class SelectedSamples(SampleSet all, int[] indices) : SampleSet(all.Shape)
    {
        public override int Count => indices.Length;

        private protected override void LoadCore(int index, Span<float> destination) => all.LoadCore(indices[index], destination);

        private protected override SampleDescription DescribeCore(int index) => all.DescribeCore(indices[index]);
    }
}

/// <summary>What is known of a sample without loading it.</summary>
/// <param name="Name">What to call it.</param>
/// <param name="Label">Its class, or null.</param>
/// <param name="Origin">Where the label was given, to begin an error message: "Line 3 of 'labels.tsv'".</param>
readonly record struct SampleDescription(string Name, int? Label, string Origin);
