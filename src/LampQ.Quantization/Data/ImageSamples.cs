using System.Buffers;

namespace LampQ.Quantization;

/// <summary>Image files, decoded and preprocessed when they are asked for.</summary>
/// <remarks>
/// Kept for further passes are the resized and cropped 8-bit pixels (a quarter of the floats), first come, until the cache is
/// full, and nothing is thrown out again: passes run over all samples in order, where discarding the least recently used
/// would discard each sample just before its turn.
/// </remarks>
sealed class ImageSamples : SampleSet
{
    readonly IReadOnlyList<SampleFile> files;
    readonly Preprocessing preprocessing;
    readonly ImageDecoder decoder;
    readonly long cacheSizeInBytes;
    readonly byte[]?[] cache;
    long cachedBytes;

    internal ImageSamples(IReadOnlyList<SampleFile> files, Preprocessing preprocessing, ImageDecoder decoder, long cacheSizeInBytes)
        : base(ShapeOf(files[0], preprocessing, decoder))
    {
        this.files = files;
        this.preprocessing = preprocessing;
        this.decoder = decoder;
        this.cacheSizeInBytes = cacheSizeInBytes;
        cache = new byte[]?[files.Count];
    }

    static int[] ShapeOf(SampleFile file, Preprocessing preprocessing, ImageDecoder decoder)
    {
        if (preprocessing.OutputSize is { } size) return [3, size.Height, size.Width];
        var image = ReadPixels(file, preprocessing, decoder);
        return [3, image.Height, image.Width];
    }

    public override int Count => files.Count;

    private protected override void LoadCore(int index, Span<float> destination)
    {
        var pixels = Volatile.Read(ref cache[index]);
        if (pixels is null)
        {
            pixels = ReadSample(files[index]);
            Keep(index, pixels);
        }
        preprocessing.Normalize(pixels, destination);
    }

    private protected override SampleDescription DescribeCore(int index) => files[index].Description;

    byte[] ReadSample(SampleFile file)
    {
        var image = ReadPixels(file, preprocessing, decoder);
        if (image.Height != Shape[1] || image.Width != Shape[2])
            throw new InvalidDataException($"Image '{file.Path}' has {image.Height}×{image.Width} pixels (height×width) after preprocessing, the first one has {Shape[1]}×{Shape[2]}; expected one size. Set a resize or a crop.");
        return image.Pixels;
    }

    void Keep(int index, byte[] pixels)
    {
        var fits = Interlocked.Add(ref cachedBytes, pixels.Length) <= cacheSizeInBytes;
        // Two threads may have loaded the same sample: only one of them pays for it.
        if (!fits || Interlocked.CompareExchange(ref cache[index], pixels, null) is not null)
            Interlocked.Add(ref cachedBytes, -pixels.Length);
    }

    static RgbImage ReadPixels(SampleFile file, Preprocessing preprocessing, ImageDecoder decoder)
    {
        var (bytes, length) = ReadFile(file.Path);
        try
        {
            var image = decoder.Decode(bytes.AsSpan(0, length), file.Path);
            var result = preprocessing.ResizeAndCrop(image);
            if (!ReferenceEquals(result.Pixels, image.Pixels)) ImageDecoder.Recycle(image);
            return result;
        }
        catch (InvalidDataException problem) when (!problem.Message.Contains(file.Path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"Image '{file.Path}': {problem.Message}", problem);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    static (byte[] Bytes, int Length) ReadFile(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var length = RandomAccess.GetLength(file);
            if (length > Array.MaxLength)
                throw new InvalidDataException($"Image '{path}' has {length:N0} bytes; expected a JPEG or PNG file below 2 GiB.");
            var bytes = ArrayPool<byte>.Shared.Rent((int)length);
            var read = 0;
            for (int count; read < length && (count = RandomAccess.Read(file, bytes.AsSpan(read, (int)length - read), read)) > 0; read += count) { }
            return (bytes, read);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"Image '{path}' cannot be read: {problem.Message}", problem);
        }
    }
}
