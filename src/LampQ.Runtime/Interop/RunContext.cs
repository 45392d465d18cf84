using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>One run of a node: its inputs, its outputs, and the threads of the session.</summary>
readonly unsafe struct RunContext(OrtApi api, nint context, int threads, IReadOnlyList<ElementType> outputs)
{
    /// <summary>The session's threads.</summary>
    public Workers Workers => SessionWorkers.Of(api, context, threads);

    /// <summary>An input that the node has.</summary>
    public TensorView Input(int index) => TensorView.Of(api, api.Input(context, index));

    /// <summary>Allocates an output.</summary>
    public TensorView Output(int index, params ReadOnlySpan<long> shape) => TensorView.Of(api, api.Output(context, index, shape), outputs[index], shape);
}
