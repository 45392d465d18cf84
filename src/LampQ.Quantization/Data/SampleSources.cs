namespace LampQ.Quantization;

public abstract partial class SampleSet
{
    /// <summary>Room for the decoded pixels of an image set: 16 MiB, about 111 images of 224×224.</summary>
    /// <remarks>
    /// 32 images (4.6 MiB) are decoded once however often the pipeline passes over them, and 500 take at most
    /// 11.4 MiB more than 32, a small part of the memory of a run.
    /// </remarks>
    public const long DefaultCacheSizeInBytes = 16L << 20;

    /// <summary>
    /// The samples behind a path: a folder of .jpg, .jpeg and .png images or of .npy arrays (sorted by name, not recursive),
    /// a folder that contains <c>labels.tsv</c>, a <c>labels.tsv</c> (file, tab, class; the class is optional), a .npy file [N, ...], or one image.
    /// </summary>
    /// <param name="path">The folder or file.</param>
    /// <param name="preprocessing">For images. Arrays are used as they are.</param>
    /// <param name="decoder">Decodes images; null means <see cref="ImageDecoder.Default"/>.</param>
    /// <param name="cacheSizeInBytes">How many bytes of resized and cropped 8-bit pixels are kept for further passes; 0 keeps none.</param>
    /// <returns>A set whose files are opened when they are needed; of images at most the first is read now.</returns>
    /// <exception cref="ArgumentException">The path does not exist or holds no sample, or the preprocessing is out of range.</exception>
    /// <exception cref="InvalidDataException">labels.tsv or a .npy file is broken, a file it names is missing, or samples have different shapes.</exception>
    /// <exception cref="NotSupportedException">A .npy file holds a type that is not read.</exception>
    public static SampleSet Open(string path, Preprocessing preprocessing, ImageDecoder? decoder = null, long cacheSizeInBytes = DefaultCacheSizeInBytes)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentOutOfRangeException.ThrowIfNegative(cacheSizeInBytes);
        preprocessing.Validate();
        var files = SampleFiles.Find(path);
        if (!files[0].IsArray) return new ImageSamples(files, preprocessing, decoder ?? ImageDecoder.Default(), cacheSizeInBytes);
        return File.Exists(path) && files is [{ Label: null } stack] && files[0].Path == path ? StackedArraySamples.Open(stack.Path) : ArraySamples.Open(files);
    }

    /// <summary>Samples that are in memory already.</summary>
    /// <param name="shape">Shape of one sample, every axis at least 1.</param>
    /// <param name="samples">At least one; each as long as the product of <paramref name="shape"/>. Used as they are, not copied.</param>
    /// <param name="labels">One class per sample, or null when they are not known.</param>
    /// <exception cref="ArgumentException">There is no sample, or a length does not fit; the message says which.</exception>
    public static SampleSet FromTensors(IReadOnlyList<int> shape, IReadOnlyList<float[]> samples, IReadOnlyList<int>? labels = null)
    {
        ArgumentNullException.ThrowIfNull(samples);
        CheckShape(shape);
        if (samples.Count == 0) throw new ArgumentException("There are no samples; expected at least one.", nameof(samples));
        if (labels is not null && labels.Count != samples.Count)
            throw new ArgumentException($"There are {labels.Count} labels for {samples.Count} samples; expected one each.", nameof(labels));
        return new TensorSamples(shape, samples, labels);
    }

    /// <summary>Independent values of the standard normal distribution. Only for trying things out: such inputs calibrate nothing real.</summary>
    /// <param name="count">Number of samples, at least 1.</param>
    /// <param name="shape">Shape of one sample, every axis at least 1.</param>
    /// <param name="seed">Sample i depends only on seed and i; another machine may differ in the last bit of a logarithm or sine.</param>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public static SampleSet Synthetic(int count, IReadOnlyList<int> shape, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        CheckShape(shape);
        return new SyntheticSamples(count, shape, seed);
    }

    static void CheckShape(IReadOnlyList<int> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.Any(axis => axis < 1) || shape.Aggregate(1.0, (product, axis) => product * axis) > Array.MaxLength)
            throw new ArgumentException($"The sample shape is [{string.Join(", ", shape)}]; expected axes of at least 1 with a product of at most {Array.MaxLength:N0}.", nameof(shape));
    }
}

sealed class TensorSamples : SampleSet
{
    readonly IReadOnlyList<float[]> samples;
    readonly IReadOnlyList<int>? labels;

    internal TensorSamples(IReadOnlyList<int> shape, IReadOnlyList<float[]> samples, IReadOnlyList<int>? labels) : base(shape)
    {
        this.samples = samples;
        this.labels = labels;
        for (var i = 0; i < samples.Count; i++)
        {
            if (samples[i].Length != SampleLength)
                throw new ArgumentException($"Sample {i} holds {samples[i].Length:N0} values; expected {SampleLength:N0} for the shape [{string.Join(", ", shape)}].", nameof(samples));
        }
    }

    public override int Count => samples.Count;

    private protected override void LoadCore(int index, Span<float> destination) => samples[index].CopyTo(destination);

    private protected override SampleDescription DescribeCore(int index) => new($"sample {index}", labels?[index], $"Label {index}");
}

sealed class SyntheticSamples(int count, IReadOnlyList<int> shape, int seed) : SampleSet(shape)
{
    public override int Count => count;

    private protected override void LoadCore(int index, Span<float> destination)
    {
        // One draw mixes the index into the seed, so that neighbouring samples do not overlap in the generator's sequence.
        var random = new SplitMix64(new SplitMix64(((ulong)(uint)seed << 32) | (uint)index).Next());
        for (var i = 0; i < destination.Length; i += 2)
        {
            var (first, second) = random.NextNormals();
            destination[i] = (float)first;
            if (i + 1 < destination.Length) destination[i + 1] = (float)second;
        }
    }

    private protected override SampleDescription DescribeCore(int index) => new($"synthetic {index}", null, $"Sample {index}");
}
