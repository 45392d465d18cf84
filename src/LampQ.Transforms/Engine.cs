using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Transforms;

/// <summary>What runs a model. The only file that names the session class: another runtime is another line here.</summary>
/// <remarks>Safe for many callers at once: ML.NET reads a pipeline on several threads.</remarks>
sealed class Engine(byte[] model, int threads) : IDisposable
{
    readonly OnnxSession session = new(model, new OnnxSessionOptions { Threads = threads });

    /// <summary>Runs the model and shows float outputs in place.</summary>
    public void Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs, FloatOutput see) => session.Run(inputs, outputs, see);

    /// <summary>Runs the model and copies outputs of any type.</summary>
    public Tensor[] Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs) => session.Run(inputs, outputs);

    public void Dispose() => session.Dispose();
}
