using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>The memory that native libraries have freed.</summary>
static partial class NativeHeap
{
    /// <summary>Hands it back to the system where the C library keeps it (glibc); elsewhere nothing happens.</summary>
    /// <remarks>
    /// ONNX Runtime reads a whole file into messages, copies each initializer to its aligned place and frees the message. glibc keeps blocks of that size for the
    /// next time, which never comes: of a packed DeiT-S (14 MB) 13 MB stayed resident, as much as its weights once more.
    /// </remarks>
    public static void Trim()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = TrimHeap(0);
        }
        // Another C library.
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException) { }
    }

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int TrimHeap(nuint pad);
}
