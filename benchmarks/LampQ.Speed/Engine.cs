using System.Diagnostics;
using LampQ.Onnx;
using LampQ.Runtime;

namespace LampQ.Speed;

/// <summary>A model on a runtime, ready to run on random pixels.</summary>
sealed class Engine : IDisposable
{
    readonly Func<Tensor[]> run;
    readonly IDisposable session;
    readonly bool onProcessor;

    Engine(IDisposable session, Func<Tensor[]> run, bool onProcessor) => (this.session, this.run, this.onProcessor) = (session, run, onProcessor);

    /// <summary>Loads a model.</summary>
    /// <param name="name"><c>lampq</c> or <c>onnxruntime</c>.</param>
    /// <param name="path">The .onnx file; one input [batch, 3, 224, 224].</param>
    /// <param name="threads">Threads of the session.</param>
    /// <param name="batch">Images a run.</param>
    /// <param name="spin">Whether waiting threads spin, ONNX Runtime's own default.</param>
    /// <param name="onProcessor">True times what the calling thread spends on a processor, which other processes disturb less; it does all the work of a session of one thread.</param>
    public static Engine Open(string name, string path, int threads, int batch, bool spin, bool onProcessor)
    {
        if (onProcessor && threads != 1)
            throw new ArgumentException($"The time on a processor tells about sessions of one thread; this one has {threads}.", nameof(threads));
        var tensor = Tensor.Of(Pixels(batch), batch, 3, 224, 224);
        if (name == "lampq")
        {
            var lampq = LampQSession.Load(path, new LampQSessionOptions { Threads = threads, Spin = spin });
            return new Engine(lampq, () => lampq.Run(new Dictionary<string, Tensor> { [lampq.InputNames[0]] = tensor }), onProcessor);
        }
        var session = new OnnxSession(File.ReadAllBytes(path), new OnnxSessionOptions { Threads = threads, Spin = spin });
        return new Engine(session, () => session.Run(new Dictionary<string, Tensor> { [session.InputNames[0]] = tensor }), onProcessor);
    }

    /// <summary>Random pixels, [batch, 3, 224, 224].</summary>
    public static float[] Pixels(int batch)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, batch * 3 * 224 * 224).Select(_ => (float)(4 * random.NextDouble() - 2))];
    }

    /// <summary>The first output.</summary>
    public float[] Run() => run()[0].ToFloats();

    /// <summary>Milliseconds of one run.</summary>
    public double Time()
    {
        if (onProcessor)
        {
            double before = ThreadClock.Milliseconds;
            run();
            return ThreadClock.Milliseconds - before;
        }
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public void Dispose() => session.Dispose();
}
