namespace LampQ.Onnx;

/// <summary>Fills the outputs of a node from its inputs.</summary>
delegate void ShapeRule(NodeShapes node);

/// <summary>The shape rules of all operators; a new group of operators is one new file and one line here.</summary>
static class ShapeRules
{
    static readonly Dictionary<string, ShapeRule> rules = new IEnumerable<(string OpType, ShapeRule Rule)>[]
    {
        ElementwiseShapes.Rules,
        MatrixShapes.Rules,
        ConvolutionShapes.Rules,
        ResamplingShapes.Rules,
        NormalizationShapes.Rules,
        ReductionShapes.Rules,
        LayoutShapes.Rules,
        SelectionShapes.Rules,
        ConstantShapes.Rules,
        QuantizationShapes.Rules,
    }.SelectMany(group => group).ToDictionary(r => r.OpType, r => r.Rule);

    /// <summary>Operators of ONNX itself that have a rule.</summary>
    public static IReadOnlyCollection<string> Operators => rules.Keys;

    public static ShapeRule? Find(Node node) => node.Domain is "" or "ai.onnx" ? rules.GetValueOrDefault(node.OpType) : null;
}
