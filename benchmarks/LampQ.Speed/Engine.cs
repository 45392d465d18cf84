using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Speed;

/// <summary>A model on a runtime, ready to run on random pixels.</summary>
sealed class Engine : IDisposable
{
    readonly Func<Tensor[]> run;
    readonly IDisposable session;

    Engine(IDisposable session, Func<Tensor[]> run) => (this.session, this.run) = (session, run);

    /// <summary>Loads a model.</summary>
    /// <param name="name"><c>lampq</c> or <c>onnxruntime</c>.</param>
    /// <param name="path">The .onnx file; one input [batch, 3, 224, 224].</param>
    /// <param name="threads">Threads of the session.</param>
    /// <param name="batch">Images a run.</param>
    /// <param name="spin">Whether waiting threads spin, ONNX Runtime's own default.</param>
    public static Engine Open(string name, string path, int threads, int batch, bool spin)
    {
        var pixels = new float[batch * 3 * 224 * 224];
        var random = new Random(7);
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (float)(4 * random.NextDouble() - 2);
        var tensor = Tensor.Of(pixels, batch, 3, 224, 224);
        if (name == "lampq")
        {
            var lampq = LampQSession.Load(path, new LampQSessionOptions { Threads = threads, Spin = spin });
            return new Engine(lampq, () => lampq.Run(new Dictionary<string, Tensor> { [lampq.InputNames[0]] = tensor }));
        }
        var session = new OnnxSession(File.ReadAllBytes(path), new OnnxSessionOptions { Threads = threads, Spin = spin });
        return new Engine(session, () => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = tensor }));
    }

    /// <summary>The first output.</summary>
    public float[] Run() => run()[0].ToFloats();

    /// <summary>Milliseconds of one run.</summary>
    public double Time()
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public void Dispose() => session.Dispose();
}
