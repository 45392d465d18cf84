using System.Runtime.InteropServices;

namespace LampQ.Runtime.Tests;

/// <summary>Memory between two pages that nobody may touch: a read or write past an end ends the process.</summary>
sealed unsafe partial class GuardedMemory : IDisposable
{
    readonly nint start;
    readonly nint length;

    /// <summary>Lends <paramref name="bytes"/> zeroed bytes that end where the forbidden page begins, or begin where it ends.</summary>
    public GuardedMemory(long bytes, bool atStart = false)
    {
        nint page = Environment.SystemPageSize, inner = (nint)((bytes + page - 1) / page * page);
        length = inner + 2 * page;
        if (OperatingSystem.IsWindows())
        {
            start = VirtualAlloc(0, length, 0x3000, 4);
            Check(start != 0 && VirtualProtect(start, page, 1, out _) != 0 && VirtualProtect(start + page + inner, page, 1, out _) != 0);
        }
        else
        {
            start = Map(0, length, 3, OperatingSystem.IsMacOS() ? 0x1002 : 0x22, -1, 0);
            Check(start != -1 && Protect(start, page, 0) == 0 && Protect(start + page + inner, page, 0) == 0);
        }
        Pointer = (byte*)(start + page) + (atStart ? 0 : inner - (nint)bytes);
    }

    /// <summary>The first of the bytes.</summary>
    public byte* Pointer { get; }

    public void Dispose()
    {
        if (OperatingSystem.IsWindows())
            VirtualFree(start, 0, 0x8000);
        else
            Unmap(start, length);
    }

    static void Check(bool done)
    {
        if (!done)
            throw new InvalidOperationException($"The system gave no guarded memory (error {Marshal.GetLastPInvokeError()}).");
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nint length);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nint length, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualProtect(nint address, nint length, uint protection, out uint before);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(nint address, nint length, uint type);
}
