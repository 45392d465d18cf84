using System.Runtime.InteropServices;
using LampQ.Onnx;
using Microsoft.Win32.SafeHandles;

namespace LampQ.Quantization;

/// <summary>Float tensors of a long run, one a batch, that need not stay in memory: what does not fit into a fixed room goes to a scratch file and is read back bit for bit.</summary>
/// <remarks>
/// Each batch is written once and read as often as wanted, in any order and from several threads; a batch may be read as soon as its own <see cref="Write"/> has returned.
/// The file lies in the folder for temporary files, has no name any more once it is open (on Windows: is deleted with its handle), and so goes with the process
/// however that ends. It is read and written as a file, not mapped: mapped pages would count as this process's memory.
/// </remarks>
public sealed class ActivationStore : IDisposable
{
    /// <summary>Room in memory: 4 MiB, the residual stream of 27 images of a ViT-Tiny. Small runs need no file, and large ones no more memory than they.</summary>
    public const long DefaultRoomInBytes = 4L << 20;

    readonly (long Offset, long[] Shape)?[] places;
    readonly string folder;
    readonly long roomInBytes;
    readonly Lock opening = new();
    byte[]? room;
    SafeFileHandle? file;
    long length;

    /// <summary>An empty store.</summary>
    /// <param name="batches">Number of batches it can take.</param>
    /// <param name="roomInBytes">What may stay in memory, first come.</param>
    /// <param name="folder">Where the scratch file goes; null is the system's folder for temporary files.</param>
    public ActivationStore(int batches, long roomInBytes = DefaultRoomInBytes, string? folder = null)
    {
        places = new (long, long[])?[batches];
        this.roomInBytes = roomInBytes;
        this.folder = folder ?? Path.GetTempPath();
    }

    /// <summary>Keeps a copy of a batch.</summary>
    /// <exception cref="InvalidOperationException">The batch was written before.</exception>
    /// <exception cref="IOException">The scratch file cannot be made or the disk is full; the message says where and how much.</exception>
    public void Write(int batch, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        if (places[batch] is not null)
            throw new InvalidOperationException($"Batch {batch} was written before; a store takes each batch once.");
        var bytes = MemoryMarshal.AsBytes(values);
        // Room and file are one run of bytes: those of the room's offsets lie in it, all others at the same offsets of the file.
        long end = Interlocked.Add(ref length, bytes.Length), offset = end - bytes.Length;
        if (end <= roomInBytes)
            bytes.CopyTo(Room().AsSpan((int)offset));
        else
        {
            try
            {
                RandomAccess.Write(Open(), bytes, offset);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new IOException($"A scratch file of {end:N0} bytes in '{folder}' cannot be written: {e.Message} Free space there, set TMPDIR (TEMP on Windows) to another folder, or use fewer images.", e);
            }
        }
        places[batch] = (offset, shape.ToArray());
    }

    /// <summary>A batch as it was written.</summary>
    /// <param name="batch">Which.</param>
    /// <param name="memory">Where what comes from the file goes; the tensor holds until the memory's next use.</param>
    /// <exception cref="InvalidOperationException">The batch was not written yet.</exception>
    /// <exception cref="IOException">The scratch file cannot be read.</exception>
    public Tensor Read(int batch, ReusedMemory memory)
    {
        if (places[batch] is not { } place)
            throw new InvalidOperationException($"Batch {batch} was not written yet.");
        var (offset, shape) = place;
        long size = Tensor.SizeInBytes(ElementType.Float, shape);
        if (offset + size <= roomInBytes)
            return Tensor.OfBytes(ElementType.Float, Room().AsMemory((int)offset, (int)size), shape);
        var bytes = memory.Of(size);
        for (int done = 0; done < size;)
        {
            int read = RandomAccess.Read(Open(), bytes.Span[done..], offset + done);
            done += read > 0 ? read : throw new IOException($"The scratch file in '{folder}' ends at {offset + done:N0} bytes, where {length:N0} were written. Was it cut short by another program?");
        }
        return Tensor.OfBytes(ElementType.Float, bytes, shape);
    }

    /// <summary>Empties the store; its memory and its file serve what is written next. Tensors that were read from it hold no longer.</summary>
    public void Clear()
    {
        Array.Clear(places);
        length = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    byte[] Room()
    {
        lock (opening)
            return room ??= GC.AllocateUninitializedArray<byte>((int)roomInBytes);
    }

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
