using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>The arena of ONNX Runtime's environment, one a process, for sessions that come and go.</summary>
/// <remarks>
/// A session's own arena grows in powers of two and is freed with it, in blocks that the C library keeps and the next session's do not fit: over the 140 sessions of `lampq quantize` for a
/// DeiT-Tiny 450 MB became resident, of which 200 were in use. One arena serves them all with 250 MB, which stay with the process.
/// </remarks>
static class SharedArena
{
    static readonly Lazy<bool> registered = new(Register);

    /// <summary>Lets a session take its memory there.</summary>
    public static void Use(SessionOptions native)
    {
        _ = registered.Value;
        native.AddSessionConfigEntry("session.use_env_allocators", "1");
        // A memory pattern takes one block for a whole run, of another size for each session and shape.
        native.EnableMemoryPattern = false;
    }

    static bool Register()
    {
        using var cpu = new OrtMemoryInfo(OrtMemoryInfo.allocatorCPU, OrtAllocatorType.ArenaAllocator, 0, OrtMemType.Default);
        using var defaults = new OrtArenaCfg(0, -1, -1, -1);
        try
        {
            OrtEnv.Instance().CreateAndRegisterAllocator(cpu, defaults);
            return true;
        }
        // The application has registered one: it serves as well.
        catch (OnnxRuntimeException)
        {
            return false;
        }
    }
}
