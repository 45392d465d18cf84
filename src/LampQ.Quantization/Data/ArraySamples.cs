namespace LampQ.Quantization;

/// <summary>.npy files of one sample each; a first axis of length 1 before three others is the batch axis and is dropped.</summary>
sealed class ArraySamples : SampleSet
{
    readonly IReadOnlyList<SampleFile> files;

    ArraySamples(IReadOnlyList<int> shape, IReadOnlyList<SampleFile> files) : base(shape) => this.files = files;

    internal static ArraySamples Open(IReadOnlyList<SampleFile> files)
    {
        var shape = ShapeOf(files[0]);
        foreach (var file in files)
        {
            var other = ShapeOf(file);
            if (!other.SequenceEqual(shape))
                throw new InvalidDataException($"'{file.Path}' has the shape [{string.Join(", ", other)}], but '{files[0].Path}' has [{string.Join(", ", shape)}]; expected one shape for all samples.");
        }
        return new ArraySamples(shape, files);
    }

    static int[] ShapeOf(SampleFile file)
    {
        using var array = NumPyFile.Open(file.Path);
        var shape = array.Shape is [1, _, _, _] ? array.Shape[1..] : array.Shape;
        if (array.Length is 0 or > int.MaxValue)
            throw new InvalidDataException($"'{file.Path}' has the shape [{string.Join(", ", array.Shape)}]; expected one sample, not empty, with fewer than 2^31 values.");
        return shape;
    }

    public override int Count => files.Count;

    private protected override void LoadCore(int index, Span<float> destination)
    {
        var array = NumPyArray.Read(files[index].Path);
        if (array.Values.Length != destination.Length)
            throw new InvalidDataException($"'{files[index].Path}' now holds {array.Values.Length:N0} values; it held {destination.Length:N0} when the data were opened.");
        array.Values.CopyTo(destination);
    }

    private protected override SampleDescription DescribeCore(int index) => files[index].Description;
}

/// <summary>One .npy file [N, ...] of N samples. C order is read sample by sample; Fortran order, which scatters a sample over the file, is read whole.</summary>
sealed class StackedArraySamples : SampleSet
{
    readonly string path;
    readonly float[]? whole;

    StackedArraySamples(string path, int[] shape, float[]? whole) : base(shape[1..])
    {
        this.path = path;
        this.whole = whole;
        Count = shape[0];
    }

    internal static StackedArraySamples Open(string path)
    {
        using var array = NumPyFile.Open(path);
        if (array.Shape.Length < 2 || array.Length == 0 || array.Length / array.Shape[0] > int.MaxValue)
            throw new InvalidDataException($"'{path}' has the shape [{string.Join(", ", array.Shape)}]; expected [N, ...] with at least one sample.");
        return new StackedArraySamples(path, array.Shape, array.FortranOrder ? NumPyArray.Read(path).Values : null);
    }

    public override int Count { get; }

    private protected override void LoadCore(int index, Span<float> destination)
    {
        if (whole is not null)
        {
            whole.AsSpan(index * SampleLength, SampleLength).CopyTo(destination);
            return;
        }
        // Opened anew each time: opening costs microseconds, and a set needs no disposing.
        using var array = NumPyFile.Open(path);
        if (array.Length != (long)Count * SampleLength)
            throw new InvalidDataException($"'{path}' now holds {array.Length:N0} values; it held {(long)Count * SampleLength:N0} when the data were opened.");
        array.Read((long)index * SampleLength, destination);
    }

    private protected override SampleDescription DescribeCore(int index) => new($"{Path.GetFileName(path)}[{index}]", null, $"'{path}'");
}
