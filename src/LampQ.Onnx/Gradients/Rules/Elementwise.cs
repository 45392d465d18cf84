namespace LampQ.Onnx;

/// <summary>Rules of functions of one number, y = f(x) element by element: ∂x = g·f′(x).</summary>
abstract class ElementwiseRule : BackwardRule
{
    protected sealed override void ApplyCore(BackwardStep step) =>
        step.Give(0, () => step.Emit.Mul(step.Incoming, Slope(step.Emit, step.Node, step.Input(0), step.Node.Output)));

    /// <summary>Emits f′(x); y = f(x) is at hand.</summary>
    protected abstract Value Slope(GraphEmitter emit, Node node, Value x, Value y);
}
