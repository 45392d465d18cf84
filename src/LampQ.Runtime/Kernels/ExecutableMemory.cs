using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>Memory for machine code: written while writable, executed while not (W^X). It lives as long as the process.</summary>
static unsafe partial class ExecutableMemory
{
    const int MapPrivate = 2, MapAnonymousLinux = 0x20, MapAnonymousMac = 0x1000;
    const int ProtectRead = 1, ProtectWrite = 2, ProtectExecute = 4;
    const uint Commit = 0x1000, Reserve = 0x2000, PageReadWrite = 4, PageExecuteRead = 0x20;

    /// <summary>Places code.</summary>
    /// <returns>Its address, or 0 where the system refuses, as hardened ones do.</returns>
    /// <param name="code">Position-independent machine code.</param>
    /// <param name="refusal">What was refused, or null.</param>
    public static nint Place(ReadOnlySpan<byte> code, out string? refusal)
    {
        try
        {
            nint address = OperatingSystem.IsWindows() ? PlaceOnWindows(code, out string? step) : PlaceOnUnix(code, out step);
            refusal = step is null ? null : $"the system refused {step} (error {Marshal.GetLastPInvokeError()})";
            return address;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            refusal = e.Message;
            return 0;
        }
    }

    static nint PlaceOnUnix(ReadOnlySpan<byte> code, out string? step)
    {
        int anonymous = OperatingSystem.IsMacOS() ? MapAnonymousMac : MapAnonymousLinux;
        nint address = Map(0, (nuint)code.Length, ProtectRead | ProtectWrite, MapPrivate | anonymous, -1, 0);
        step = address == -1 ? "memory (mmap)" : null;
        if (step is not null)
            return 0;
        code.CopyTo(new Span<byte>((void*)address, code.Length));
        if (Protect(address, (nuint)code.Length, ProtectRead | ProtectExecute) == 0)
            return address;
        step = "to make memory executable (mprotect)";
        return 0;
    }

    static nint PlaceOnWindows(ReadOnlySpan<byte> code, out string? step)
    {
        nint address = VirtualAlloc(0, (nuint)code.Length, Commit | Reserve, PageReadWrite);
        step = address == 0 ? "memory (VirtualAlloc)" : null;
        if (step is not null)
            return 0;
        code.CopyTo(new Span<byte>((void*)address, code.Length));
        if (VirtualProtect(address, (nuint)code.Length, PageExecuteRead, out _) != 0)
            return address;
        step = "to make memory executable (VirtualProtect)";
        return 0;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint length, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualProtect(nint address, nuint length, uint protection, out uint before);
}
