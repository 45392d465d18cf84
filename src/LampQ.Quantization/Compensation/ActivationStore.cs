using LampQ.Onnx;
using Microsoft.Win32.SafeHandles;

namespace LampQ.Quantization;

/// <summary>Tensors of a long run, one a batch, that need not stay in memory: what does not fit into a fixed room goes to a scratch file and is read back bit for bit.</summary>
/// <remarks>
/// Each batch is written once and read as often as wanted, in any order and from several threads; a batch may be read as soon as its own <see cref="Write"/> has returned.
/// The file lies in the folder for temporary files, has no name any more once it is open (on Windows: is deleted with its handle), and so goes with the process
/// however that ends. It is read and written as a file, not mapped: mapped pages would count as this process's memory.
/// </remarks>
public sealed class ActivationStore : IDisposable
{
    /// <summary>Room in memory: 16 MiB, the residual stream of 111 images of a ViT-Tiny. Small runs need no file.</summary>
    public const long DefaultRoomInBytes = 16L << 20;

    readonly Tensor?[] inMemory;
    readonly (long Offset, ElementType Type, long[] Shape)?[] inFile;
    readonly string folder;
    readonly long roomInBytes;
    readonly Lock opening = new();
    SafeFileHandle? file;
    long usedRoom, fileLength;

    /// <summary>An empty store.</summary>
    /// <param name="batches">Number of batches it can take.</param>
    /// <param name="roomInBytes">What may stay in memory, first come.</param>
    /// <param name="folder">Where the scratch file goes; null is the system's folder for temporary files.</param>
    public ActivationStore(int batches, long roomInBytes = DefaultRoomInBytes, string? folder = null)
    {
        inMemory = new Tensor?[batches];
        inFile = new (long, ElementType, long[])?[batches];
        this.roomInBytes = roomInBytes;
        this.folder = folder ?? Path.GetTempPath();
    }

    /// <summary>Keeps a batch.</summary>
    /// <exception cref="InvalidOperationException">The batch was written before.</exception>
    /// <exception cref="IOException">The scratch file cannot be made or the disk is full; the message says where and how much.</exception>
    public void Write(int batch, Tensor tensor)
    {
        if (inMemory[batch] is not null || inFile[batch] is not null)
            throw new InvalidOperationException($"Batch {batch} was written before; a store takes each batch once.");
        int length = tensor.Bytes.Length;
        if (Interlocked.Add(ref usedRoom, length) <= roomInBytes)
        {
            inMemory[batch] = tensor;
            return;
        }
        Interlocked.Add(ref usedRoom, -length);
        long offset = Interlocked.Add(ref fileLength, length) - length;
        try
        {
            RandomAccess.Write(Open(), tensor.Bytes.Span, offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"A scratch file of {offset + length:N0} bytes in '{folder}' cannot be written: {e.Message} Free space there, set TMPDIR (TEMP on Windows) to another folder, or use fewer images.", e);
        }
        inFile[batch] = (offset, tensor.Type, [.. tensor.Shape]);
    }

    /// <summary>A batch as it was written.</summary>
    /// <exception cref="InvalidOperationException">The batch was not written yet.</exception>
    /// <exception cref="IOException">The scratch file cannot be read.</exception>
    public Tensor Read(int batch)
    {
        if (inMemory[batch] is { } kept)
            return kept;
        if (inFile[batch] is not { } place)
            throw new InvalidOperationException($"Batch {batch} was not written yet.");
        byte[] bytes = new byte[Tensor.SizeInBytes(place.Type, place.Shape)];
        for (int done = 0; done < bytes.Length;)
        {
            int read = RandomAccess.Read(Open(), bytes.AsSpan(done), place.Offset + done);
            done += read > 0 ? read : throw new IOException($"The scratch file in '{folder}' ends at {place.Offset + done:N0} bytes, where {fileLength:N0} were written. Was it cut short by another program?");
        }
        return Tensor.OfBytes(place.Type, bytes, place.Shape);
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    SafeFileHandle Open()
    {
        lock (opening)
        {
            if (file is not null)
                return file;
            string path = Path.Combine(folder, $"lampq-{Guid.NewGuid():N}.scratch");
            file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None,
                FileOptions.RandomAccess | (OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None));
            if (!OperatingSystem.IsWindows())
                File.Delete(path);
            return file;
        }
    }
}
