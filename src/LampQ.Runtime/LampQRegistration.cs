using System.Runtime.CompilerServices;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>Lets ONNX Runtime run the nodes of <c>ai.lampq</c>.</summary>
public static class LampQRegistration
{
    static readonly ConditionalWeakTable<SessionOptions, object> registered = [];

    /// <summary>Registers LampQ's operators for the sessions made with these options; once more does nothing.</summary>
    /// <returns>The options.</returns>
    /// <exception cref="KernelChoiceException">LAMPQ_KERNEL names no kernel, or one that this CPU does not run.</exception>
    /// <exception cref="ObjectDisposedException">The options are disposed.</exception>
    /// <exception cref="NotSupportedException">ONNX Runtime is older than 1.18.</exception>
    /// <remarks>
    /// Nodes run on ONNX Runtime's own threads, and cut their work for as many as <see cref="SessionOptions.IntraOpNumThreads"/> says here; set it first. A node that breaks the contract of docs/formats.md, or whatever goes wrong inside of one, becomes
    /// an <see cref="OnnxRuntimeException"/> that names it; the session can be used afterwards.
    /// </remarks>
    public static SessionOptions RegisterLampQ(this SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(options.IsClosed, options);
        // Each node would fail for it, with a stack behind the reason.
        DotKernel.Fastest();
        lock (registered)
        {
            // ONNX Runtime would accept a second time and refuse the session.
            if (!registered.TryGetValue(options, out _))
            {
                LampQOperators.Domain.AddTo(options.DangerousGetHandle(), OnnxRuntimeLibrary.Api, options.IntraOpNumThreads);
                registered.Add(options, LampQOperators.Domain);
            }
        }
        return options;
    }
}
