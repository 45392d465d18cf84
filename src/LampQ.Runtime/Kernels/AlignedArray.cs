using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>Values that stay where they are, start at a cache line, are followed by zeros up to a multiple of 16 elements, and go with their owner.</summary>
/// <remarks>Whoever uses <see cref="Pointer"/> keeps the array reachable (GC.KeepAlive) until the last use.</remarks>
sealed unsafe class AlignedArray<T> where T : unmanaged
{
    const int Alignment = 64;
    readonly byte[] memory;

    /// <summary>Zeros.</summary>
    public AlignedArray(int length)
    {
        Length = length;
        memory = GC.AllocateArray<byte>((length + 15) / 16 * 16 * sizeof(T) + Alignment, pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(memory));
        Pointer = (T*)((start + Alignment - 1) & -Alignment);
    }

    /// <summary>A copy.</summary>
    public AlignedArray(ReadOnlySpan<T> values) : this(values.Length) => values.CopyTo(new Span<T>(Pointer, Length));

    /// <summary>Elements.</summary>
    public int Length { get; }

    /// <summary>The first element.</summary>
    public T* Pointer { get; }

    /// <summary>One element.</summary>
    public ref T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Length, nameof(index));
            return ref Pointer[index];
        }
    }
}
