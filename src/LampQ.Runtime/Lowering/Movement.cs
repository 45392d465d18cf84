using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>Operators that hand every element on unchanged, so that codes may go through them in the place of floats.</summary>
static class Movement
{
    /// <summary>True for movement of one value with one output.</summary>
    public static bool Moves(Node node) => node.Outputs.Count == 1 && node.Is("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather");

    /// <summary>True for movement with any number of outputs.</summary>
    public static bool MovesOrSplits(Node node) => node.Is("Split") || Moves(node);

    /// <summary>The factor of a Mul or Div by one constant number and the value it applies to; null for anything else.</summary>
    public static (Value Of, double Factor)? Factor(Node node)
    {
        if (node.Is("Mul"))
            return Number(node.Input(1)) is { } right ? (node.Input(0)!, right) : Number(node.Input(0)) is { } left ? (node.Input(1)!, left) : null;
        return node.Is("Div") && Number(node.Input(1)) is { } divisor ? (node.Input(0)!, 1 / divisor) : null;
    }

    static double? Number(Value? value) => value?.Constant is { Count: 1, Type: ElementType.Float } tensor ? tensor.ToFloats()[0] : null;
}
