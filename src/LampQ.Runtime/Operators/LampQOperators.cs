using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>The operators of <c>ai.lampq</c> (docs/formats.md).</summary>
static class LampQOperators
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CustomOperator> All { get; } =
    [
        new LayerNormOperator(quantize: false), new LayerNormOperator(quantize: true),
        new LinearOperator(LinearResult.Floats), new LinearOperator(LinearResult.Codes), new LinearOperator(LinearResult.Levels),
        new AttentionOperator(quantize: false), new AttentionOperator(quantize: true),
        new PatchesOperator(),
    ];

    /// <summary>What a session gets to know them by.</summary>
    public static OperatorDomain Domain { get; } = new(LampQDomain.Name, All);
}
