using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>64-byte aligned memory for one task, lent from a pool that threads share and that keeps what was given back.</summary>
/// <remarks>ONNX Runtime's threads come and go with sessions, so a buffer a thread would be lost with the thread.</remarks>
unsafe struct Scratch : IDisposable
{
    static readonly System.Collections.Concurrent.ConcurrentBag<Block> pool = [];
    readonly Block block;

    Scratch(Block block) => this.block = block;

    /// <summary>The memory; what it holds is what the last user left.</summary>
    public readonly byte* Pointer => block.Pointer;

    /// <summary>Lends at least <paramref name="bytes"/> bytes.</summary>
    public static Scratch Rent(long bytes)
    {
        if (!pool.TryTake(out var block))
            block = new Block();
        block.Grow(bytes);
        return new Scratch(block);
    }

    /// <summary>Gives the memory back.</summary>
    public readonly void Dispose() => pool.Add(block);

    sealed class Block
    {
        long size;

        public byte* Pointer { get; private set; }

        public void Grow(long bytes)
        {
            if (size >= bytes)
                return;
            NativeMemory.AlignedFree(Pointer);
            Pointer = null;
            size = 0;
            Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
            size = bytes;
        }
    }
}
