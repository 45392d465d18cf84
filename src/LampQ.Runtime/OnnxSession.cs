using LampQ.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Runtime;

/// <summary>How ONNX Runtime runs a model.</summary>
public record OnnxSessionOptions
{
    /// <summary>Threads that share one operation; 0 takes one per core (the default).</summary>
    public int Threads { get; init; }

    /// <summary>False turns every graph optimization off: the model then runs as it is written. Default true.</summary>
    public bool Optimize { get; init; } = true;

    /// <summary>
    /// True lets waiting threads spin: a little faster on an idle machine, twice as slow as one thread beside a busy neighbour. Default false.
    /// </summary>
    public bool Spin { get; init; }

    /// <summary>
    /// True takes memory from one pool of this process, which stays with it: for many sessions one after the other. Default false: a session has its own, freed with it, and plans its blocks ahead.
    /// </summary>
    public bool SharesMemory { get; init; }

    /// <summary>Where ONNX Runtime writes the graph it really runs; null (the default) writes nothing.</summary>
    public string? OptimizedModelPath { get; init; }
}

/// <summary>A model loaded into ONNX Runtime on the CPU, as it is. Safe for many callers at once.</summary>
public sealed class OnnxSession : ModelSession
{
    /// <summary>Loads a model that is in memory.</summary>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the model; the message carries its reason.</exception>
    public OnnxSession(Model model, OnnxSessionOptions? options = null) : this(model.ToBytes(), options) { }

    /// <summary>Loads a model from the content of an .onnx file.</summary>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the model; the message carries its reason.</exception>
    public OnnxSession(byte[] model, OnnxSessionOptions? options = null) : base(native => new InferenceSession(model, native), options ?? new OnnxSessionOptions()) { }
}
