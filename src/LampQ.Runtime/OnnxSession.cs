using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>How ONNX Runtime runs a model.</summary>
public sealed record OnnxSessionOptions
{
    /// <summary>Threads that share one operation; 0 takes one per core (the default).</summary>
    public int Threads { get; init; }

    /// <summary>False turns every graph optimization off: the model then runs as it is written. Default true.</summary>
    public bool Optimize { get; init; } = true;

    /// <summary>
    /// True asks ONNX Runtime for exact integer products on CPUs without VNNI, where its u8·s8 kernels otherwise saturate with full 8-bit weights
    /// (its option session.x64quantprecision). Default false, as in any other program: LampQ's own files cannot saturate (WeightContainers.TypeFor).
    /// </summary>
    public bool ExactIntegers { get; init; }

    /// <summary>
    /// True lets waiting threads spin: a little faster on an idle machine, twice as slow as one thread beside a busy neighbour. Default false.
    /// </summary>
    public bool Spin { get; init; }

    /// <summary>Where ONNX Runtime writes the graph it really runs; null (the default) writes nothing.</summary>
    public string? OptimizedModelPath { get; init; }
}

/// <summary>A model loaded into ONNX Runtime on the CPU: tensors in, tensors out. Safe for many callers at once.</summary>
public sealed class OnnxSession : IDisposable
{
    readonly InferenceSession session;
    bool disposed;

    /// <summary>Loads a model that is in memory.</summary>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the model; the message carries its reason.</exception>
    public OnnxSession(Model model, OnnxSessionOptions? options = null) : this(model.ToBytes(), options) { }

    /// <summary>Loads a model from the content of an .onnx file.</summary>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the model; the message carries its reason.</exception>
    public OnnxSession(byte[] model, OnnxSessionOptions? options = null)
    {
        using var native = NativeOptions(options ?? new OnnxSessionOptions());
        try
        {
            session = new InferenceSession(model, native);
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
        if (!options.Spin)
            native.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (options.ExactIntegers)
            native.AddSessionConfigEntry("session.x64quantprecision", "1");
        return native;
    }
}

/// <summary>Sees one float output of a run in place.</summary>
public delegate void FloatOutput(int index, ReadOnlySpan<long> shape, ReadOnlySpan<float> values);
