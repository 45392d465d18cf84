using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>What ONNX Runtime calls when it loads this library.</summary>
static unsafe class NativeEntry
{
    /// <summary>Adds LampQ's operators to session options.</summary>
    /// <param name="options">An <c>OrtSessionOptions*</c>.</param>
    /// <param name="apiBase">An <c>OrtApiBase*</c>, whose first member is GetApi.</param>
    /// <returns>An <c>OrtStatus*</c>: null for success.</returns>
    [UnmanagedCallersOnly(EntryPoint = "RegisterCustomOps", CallConvs = [typeof(CallConvCdecl)])]
    static nint RegisterCustomOps(nint options, void** apiBase)
    {
        var getApi = (delegate* unmanaged[Cdecl]<uint, void*>)apiBase[0];
        try
        {
            // The C API does not tell how many threads the options ask for.
            LampQOperators.Domain.AddTo(options, OrtApi.Get(getApi), threads: 0);
            return 0;
        }
        catch (Exception e)
        {
            // Every version can make a status.
            return OrtApi.At(getApi(1)).CreateStatus(OrtErrorCode.RuntimeException, e.Message);
        }
    }
}
