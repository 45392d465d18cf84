namespace LampQ.Onnx;

/// <summary>One linear layer of a graph, y = x·Wᵀ + b with x [.., K], W [N, K], b [N]: a MatMul, a Gemm, or a patch embedding Conv.</summary>
public sealed record QuantizableLayer
{
    /// <summary>Name for people and options, unique in the model; taken from the node, weight or bias names where they say something, else from type and block.</summary>
    public required string Name { get; init; }

    /// <summary>What the layer does.</summary>
    public required LayerType Type { get; init; }

    /// <summary>Number of the transformer block, counted from 0 along the data; −1 outside of blocks.</summary>
    public required int Block { get; init; }

    /// <summary>
    /// Layers with the same group get the same bit-width: q, k and v of one block are one group, so are layers that share one weight; every other
    /// layer is its own. Made of type and block, so that all spellings of a model have the same groups.
    /// </summary>
    public required string Group { get; init; }

    /// <summary>The MatMul, Gemm or Conv.</summary>
    public required Node Node { get; init; }

    /// <summary>The constant weight as the node uses it: [K, N], or [N, K] where <see cref="IsRowPerOutput"/>; a Conv's is [N, C, kh, kw].</summary>
    public required Value Weight { get; init; }

    /// <summary>Which input of <see cref="Node"/> the weight is: 1 in most models, 0 where the product is written W·x.</summary>
    public int WeightIndex { get; init; } = 1;

    /// <summary>True when the weight is stored with one row per output channel (Gemm with transB, Conv); false for MatMul's [K, N].</summary>
    public required bool IsRowPerOutput { get; init; }

    /// <summary>
    /// The numbers of <see cref="Weight"/>, in its shape. They are there also where the exporter left the weight behind a Transpose, Reshape or
    /// Identity, so that <see cref="Weight"/> itself is computed and has no <see cref="Value.Constant"/>.
    /// </summary>
    public required Tensor WeightTensor { get; init; }

    /// <summary>The bias [N]: an input of the node itself or of <see cref="BiasAdd"/>; null when there is none.</summary>
    public Value? Bias { get; init; }

    /// <summary>The Add that adds the bias behind a MatMul; null where the node does it itself or there is none.</summary>
    public Node? BiasAdd { get; init; }

    /// <summary>N, the number of output channels.</summary>
    public required int OutputChannels { get; init; }

    /// <summary>K, the number of input channels (for a Conv, channels × kernel height × kernel width).</summary>
    public required int InputChannels { get; init; }

    /// <summary>Weights: N·K.</summary>
    public long Parameters => (long)OutputChannels * InputChannels;

    /// <summary>What goes into the layer.</summary>
    public Value Input => Node.Input(1 - WeightIndex)!;

    /// <summary>What comes out, bias included.</summary>
    public Value Output => (BiasAdd ?? Node).Output;
}
