using System.Runtime.InteropServices;

namespace LampQ.Quantization;

/// <summary>
/// Memory that holds one large array after another. A fresh array for each batch would be garbage of megabytes at every step, which is collected late: the peak of a long run would
/// be made of it.
/// </summary>
/// <remarks>Not for several threads: each worker has its own.</remarks>
public sealed class ReusedMemory
{
    byte[] bytes = [];
    int used;

    /// <summary>So many bytes, whatever they hold, until the next call.</summary>
    public Memory<byte> Of(long length)
    {
        if (bytes.LongLength < length)
            bytes = GC.AllocateUninitializedArray<byte>(checked((int)length));
        used = (int)length;
        return bytes.AsMemory(0, used);
    }

    /// <summary>A copy of some floats, until the next call.</summary>
    public Memory<byte> Copy(ReadOnlySpan<float> values)
    {
        var copy = Of(4L * values.Length);
        MemoryMarshal.AsBytes(values).CopyTo(copy.Span);
        return copy;
    }

    /// <summary>What it holds now, as floats.</summary>
    public Span<float> Floats => MemoryMarshal.Cast<byte, float>(bytes.AsSpan(0, used));
}
