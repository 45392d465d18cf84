using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>An operator that ONNX Runtime calls: its schema, and what makes a kernel of a node. One instance serves the whole process.</summary>
abstract class CustomOperator
{
    /// <summary>Type name of its nodes.</summary>
    public abstract string Name { get; }

    /// <summary>The inputs in order; those that may be absent come last or are given an empty name.</summary>
    public abstract IReadOnlyList<OperatorInput> Inputs { get; }

    /// <summary>Element types of the outputs in order.</summary>
    public abstract IReadOnlyList<ElementType> Outputs { get; }

    /// <summary>An input of the shape and type of output 0 in whose memory a kernel can write that output, where ONNX Runtime has no other use for it; null for none.</summary>
    public virtual int? InputTheOutputMayReplace => null;

    /// <summary>Reads attributes and constant inputs of a node once, when a session is created.</summary>
    /// <exception cref="InvalidDataException">The node breaks the operator's contract; the message is the reason, without the node's name.</exception>
    public abstract OperatorKernel Create(NodeInfo node);

    /// <summary>Tells the shape of the outputs as far as the inputs' are known; where it says nothing or throws, ONNX Runtime learns them when the node runs.</summary>
    public virtual void InferShapes(ShapeContext context) { }
}

/// <summary>An input of an operator.</summary>
/// <param name="Type">Its element type.</param>
/// <param name="Optional">Whether a node may leave it out.</param>
readonly record struct OperatorInput(ElementType Type, bool Optional = false);

/// <summary>
/// A node of a session, ready to run. Several threads run it at the same time, so what it holds does not change; what a run needs is local to it.
/// </summary>
abstract class OperatorKernel : IDisposable
{
    /// <summary>Computes the outputs of one run.</summary>
    /// <exception cref="InvalidDataException">The inputs break the operator's contract; the message is the reason, without the node's name.</exception>
    /// <exception cref="ArgumentException">The same, found by a kernel.</exception>
    public abstract void Run(RunContext context);

    /// <summary>Called once, when the session is gone. Must not throw: an exception here would end the process.</summary>
    public virtual void Dispose() { }
}
