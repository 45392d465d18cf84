using System.Reflection;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>The native ONNX Runtime that the C# binding loaded.</summary>
static unsafe class OnnxRuntimeLibrary
{
    static readonly Lazy<nint> getApi = new(FindGetApi);

    /// <summary>Its C API.</summary>
    /// <exception cref="NotSupportedException">It is older than 1.18.</exception>
    public static OrtApi Api => OrtApi.Get((delegate* unmanaged[Cdecl]<uint, void*>)getApi.Value);

    /// <summary>Its version, as "1.29.0".</summary>
    public static string Version => OrtEnv.Instance().GetVersionString();

    // Asked of the binding, because only the binding knows where it found the library: beside the program, below runtimes/,
    // or where the program's list of dependencies says. Loading "onnxruntime" by name would search again and may find none, or another.
    static nint FindGetApi()
    {
        var binding = typeof(SessionOptions).Assembly;
        var method = binding.GetType("Microsoft.ML.OnnxRuntime.NativeMethods")?.GetMethod("OrtGetApiBase", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic);
        return method?.Invoke(null, null) is OrtApiBase found
            ? found.GetApi
            : throw new NotSupportedException($"{binding.GetName()} has no NativeMethods.OrtGetApiBase, through which LampQ finds ONNX Runtime's C API. Use Microsoft.ML.OnnxRuntime 1.29.");
    }
}
