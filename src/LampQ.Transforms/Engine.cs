using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Transforms;

/// <summary>What runs a model: LampQ's kernels where it is quantized, ONNX Runtime elsewhere.</summary>
/// <remarks>
/// Safe for many callers at once: ML.NET reads a pipeline on several threads, and disposes a model while some of them may still run.
/// The session then goes with the last run, because the native library ends the process where one is freed under a run.
/// </remarks>
sealed class Engine(byte[] model, int threads) : IDisposable
{
    readonly LampQSession session = LampQSession.Load(model, new LampQSessionOptions { Threads = threads });
    readonly Lock gate = new();
    int runs;
    bool disposed;

    /// <summary>Runs the model and shows float outputs in place.</summary>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public void Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs, FloatOutput see)
    {
        Enter();
        try
        {
            session.Run(inputs, outputs, see);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Runs the model and copies outputs of any type.</summary>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public Tensor[] Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs)
    {
        Enter();
        try
        {
            return session.Run(inputs, outputs);
        }
        finally
        {
            Leave();
        }
    }

    public void Dispose()
    {
        bool last;
        lock (gate)
        {
            last = !disposed && runs == 0;
            disposed = true;
        }
        if (last)
            session.Dispose();
    }

    void Enter()
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, typeof(LampQTransformer));
            runs++;
        }
    }

    void Leave()
    {
        bool last;
        lock (gate)
            last = --runs == 0 && disposed;
        if (last)
            session.Dispose();
    }
}
