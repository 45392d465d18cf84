using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>A model ready to run on the CPU: tensors in, tensors out. Safe for many callers at once.</summary>
public abstract class ModelSession : IDisposable
{
    readonly InferenceSession session;
    bool disposed;

    /// <summary>Loads a model.</summary>
    /// <param name="load">Makes the native session of native options.</param>
    /// <param name="options">Threads and optimization.</param>
    /// <param name="prepare">What to add to the native options; null adds nothing.</param>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the model; the message carries its reason.</exception>
    private protected ModelSession(Func<SessionOptions, InferenceSession> load, OnnxSessionOptions options, Action<SessionOptions>? prepare = null)
    {
        using var native = NativeOptions(options);
        prepare?.Invoke(native);
        try
        {
            session = load(native);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"ONNX Runtime cannot load the model: {e.Message}", e);
        }
        OutputNames = [.. session.OutputNames];
    }

    /// <summary>Names of the inputs.</summary>
    public IReadOnlyList<string> InputNames => session.InputNames;

    /// <summary>Names of the outputs.</summary>
    public IReadOnlyList<string> OutputNames { get; }

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">A tensor for every input name.</param>
    /// <param name="outputs">The outputs wanted; all of them when null.</param>
    /// <returns>Copies of the outputs, in the order asked for.</returns>
    public Tensor[] Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs = null)
    {
        using var results = RunNative(inputs, outputs ?? OutputNames);
        return [.. results.Select(ToTensor)];
    }

    /// <summary>Runs the model and shows each float output in place, without a copy.</summary>
    /// <param name="inputs">A tensor for every input name.</param>
    /// <param name="outputs">The outputs wanted.</param>
    /// <param name="see">Called once an output, with its position in <paramref name="outputs"/>, its shape and its elements, which are gone afterwards.</param>
    public void Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs, FloatOutput see)
    {
        using var results = RunNative(inputs, outputs);
        for (int i = 0; i < outputs.Count; i++)
            see(i, results[i].GetTensorTypeAndShape().Shape, results[i].GetTensorDataAsSpan<float>());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        disposed = true;
        session.Dispose();
        GC.SuppressFinalize(this);
    }

    IDisposableReadOnlyCollection<OrtValue> RunNative(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string> outputs)
    {
        // The native library does not check, and ends the process.
        ObjectDisposedException.ThrowIf(disposed, this);
        var names = inputs.Keys.ToArray();
        var values = new OrtValue[names.Length];
        var pins = new List<System.Buffers.MemoryHandle>(names.Length);
        try
        {
            for (int i = 0; i < names.Length; i++)
                values[i] = ToNative(inputs[names[i]], pins);
            using var run = new RunOptions();
            return session.Run(run, names, values, outputs);
        }
        finally
        {
            foreach (var value in values)
                value?.Dispose();
            foreach (var pin in pins)
                pin.Dispose();
        }
    }

    static unsafe OrtValue ToNative(Tensor tensor, List<System.Buffers.MemoryHandle> pins)
    {
        var pin = tensor.Bytes.Pin();
        pins.Add(pin);
        return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)(int)tensor.Type,
            [.. tensor.Shape], (nint)pin.Pointer, tensor.Bytes.Length);
    }

    static Tensor ToTensor(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return Tensor.OfBytes((ElementType)(int)info.ElementDataType, value.GetTensorMutableRawData().ToArray(), info.Shape);
    }

    static SessionOptions NativeOptions(OnnxSessionOptions options)
    {
        var native = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            GraphOptimizationLevel = options.Optimize ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_DISABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        if (options.OptimizedModelPath is { } path)
            native.OptimizedModelFilePath = path;
        if (options.SharesMemory)
            SharedArena.Use(native);
        if (!options.Spin)
            native.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return native;
    }
}

/// <summary>Sees one float output of a run in place.</summary>
public delegate void FloatOutput(int index, ReadOnlySpan<long> shape, ReadOnlySpan<float> values);
