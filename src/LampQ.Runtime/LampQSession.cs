using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>How <see cref="LampQSession"/> runs a model.</summary>
public sealed record LampQSessionOptions : OnnxSessionOptions
{
    /// <summary>Options with the defaults of every property.</summary>
    public LampQSessionOptions() { }

    /// <summary>Options that say the same about ONNX Runtime.</summary>
    public LampQSessionOptions(OnnxSessionOptions options) : base(options) { }

    /// <summary>
    /// True (the default) computes the last block for the class token alone, where nothing reads the other tokens: the same bits, less work.
    /// Takes effect when a QDQ model is lowered; a packed model has it decided.
    /// </summary>
    public bool SelectTokensEarly { get; init; } = true;
}

/// <summary>
/// A model run with LampQ's fused kernels where it is quantized: a QDQ model is lowered while it is loaded (<see cref="Lowering"/>), a packed one is run as it
/// is, and a float model is run by ONNX Runtime alone. Safe for many callers at once.
/// </summary>
public sealed class LampQSession : ModelSession
{
    LampQSession(Func<SessionOptions, InferenceSession> load, LampQSessionOptions options, LoweringReport report, bool usesKernels)
        : base(load, options, native => native.RegisterLampQ())
    {
        (Report, UsesKernels) = (report, usesKernels);
        NativeHeap.Trim();
    }

    /// <summary>Whether any of LampQ's operators run; false for a float model, or one of which nothing could be lowered.</summary>
    public bool UsesKernels { get; }

    /// <summary>What runs the model, for reports.</summary>
    public string EngineName => UsesKernels ? "LampQ" : "ONNX Runtime";

    /// <summary>Every quantized operation that was lowered, or why not; empty for packed and float models.</summary>
    public LoweringReport Report { get; }

    /// <summary>Loads a model file. A packed one is handed to ONNX Runtime by its path, so that its weights are in memory once.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">It is no model, has another version of LampQ's operators, or is refused by ONNX Runtime.</exception>
    public static LampQSession Load(string path, LampQSessionOptions? options = null)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"The model file '{path}' does not exist.", path);
        using (var file = File.OpenRead(path))
            if (IsPacked(file, path))
                return new(native => new InferenceSession(path, native), options ?? new(), LoweringReport.Empty, usesKernels: true);
        return Load(Model.Read(path), options);
    }

    /// <summary>Loads a model from the content of an .onnx file.</summary>
    /// <exception cref="InvalidDataException">It is no model, has another version of LampQ's operators, or is refused by ONNX Runtime.</exception>
    public static LampQSession Load(byte[] model, LampQSessionOptions? options = null) => IsPacked(new MemoryStream(model), "the model")
        ? new(native => new InferenceSession(model, native), options ?? new(), LoweringReport.Empty, usesKernels: true)
        : Load(Model.Read(model), options);

    /// <summary>Loads a model from the content of an .onnx file.</summary>
    /// <exception cref="InvalidDataException">It is no model, has another version of LampQ's operators, or is refused by ONNX Runtime.</exception>
    public static LampQSession Load(ReadOnlyMemory<byte> model, LampQSessionOptions? options = null) => Load(model.ToArray(), options);

    /// <summary>Loads a model that is in memory; it stays as it is.</summary>
    /// <exception cref="InvalidDataException">It has another version of LampQ's operators, or ONNX Runtime refuses it.</exception>
    public static LampQSession Load(Model model, LampQSessionOptions? options = null)
    {
        options ??= new();
        var report = LoweringReport.Empty;
        if (model.Opsets.TryGetValue(LampQDomain.Name, out long version))
            CheckVersion(version, "the model");
        else if (QuantizedModel.IsQuantized(model, out _))
        {
            var lowering = new Lowering { SelectTokensEarly = options.SelectTokensEarly };
            model = lowering.Apply(model);
            report = lowering.Report;
        }
        return new(native => new InferenceSession(model.ToBytes(), native), options, report, model.Opsets.ContainsKey(LampQDomain.Name));
    }

    static bool IsPacked(Stream model, string name)
    {
        if (OpsetScan.VersionOf(model, LampQDomain.Name) is not { } version)
            return false;
        CheckVersion(version, name);
        return true;
    }

    static void CheckVersion(long version, string name)
    {
        if (version != LampQDomain.Version)
            throw new InvalidDataException($"'{name}' has version {version} of the operators of {LampQDomain.Name}; this program has version {LampQDomain.Version}. Export the model again, or take the version of LampQ it was made with.");
    }
}
