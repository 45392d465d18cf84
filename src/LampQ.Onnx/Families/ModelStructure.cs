namespace LampQ.Onnx;

/// <summary>What was recognised in a graph: its linear layers, attentions and normalizations, and what was not and why.</summary>
public sealed record ModelStructure
{
    /// <summary>Every linear layer, along the data.</summary>
    public required IReadOnlyList<QuantizableLayer> Layers { get; init; }

    /// <summary>Every attention, along the data.</summary>
    public required IReadOnlyList<Attention> Attentions { get; init; }

    /// <summary>Every LayerNormalization, one op or decomposed, along the data.</summary>
    public required IReadOnlyList<LayerNorm> Norms { get; init; }

    /// <summary>Operations with weights or matrix products that were not recognised, with the reason.</summary>
    public required IReadOnlyList<Unrecognized> Unrecognized { get; init; }

    /// <summary>True for the name of a layer, and for that of a type (<see cref="LayerTypes.Words"/>), whether or not the model has such a layer.</summary>
    public bool Names(string layerOrType) => LayerTypes.Words.Contains(layerOrType) || Layers.Any(l => l.Name == layerOrType);
}

/// <summary>Something that was not recognised.</summary>
/// <param name="Name">Name of the node, or of its first output where it has none.</param>
/// <param name="Op">Operator.</param>
/// <param name="Reason">Why it was not recognised, or what it therefore counts as.</param>
public sealed record Unrecognized(string Name, string Op, string Reason);

/// <summary>
/// One attention, softmax(scale·Q·Kᵀ + mask)·V over heads. Channel maps say where head h, channel c of an operand comes from:
/// <c>QChannels[h, c]</c> is the output channel of layer <see cref="Q"/>, and so on; <c>ProjChannels[h, c]</c> is the input channel of <see cref="Proj"/>.
/// </summary>
public sealed record Attention
{
    /// <summary>Number of the transformer block.</summary>
    public required int Block { get; init; }

    /// <summary>The matrix product of queries and keys; input 0 is Q [B, H, T, d], input 1 is Kᵀ [B, H, d, T].</summary>
    public required Node Scores { get; init; }

    /// <summary>The softmax over keys.</summary>
    public required Node Softmax { get; init; }

    /// <summary>The matrix product of the attention map [B, H, T, T] (input 0) and V [B, H, T, d] (input 1).</summary>
    public required Node Context { get; init; }

    /// <summary>The Mul or Div by a scalar constant directly behind <see cref="Scores"/>; null when the scale stands elsewhere.</summary>
    public Node? ScoreScale { get; init; }

    /// <summary>What <see cref="ScoreScale"/> multiplies by, 1/√d in most models; the reciprocal where it is a Div; null without it.</summary>
    public float? ScoreFactor { get; init; }

    /// <summary>The layer queries come from.</summary>
    public required QuantizableLayer Q { get; init; }

    /// <summary>The layer keys come from; the same as <see cref="Q"/> when fused.</summary>
    public required QuantizableLayer K { get; init; }

    /// <summary>The layer values come from; the same as <see cref="Q"/> when fused.</summary>
    public required QuantizableLayer V { get; init; }

    /// <summary>The layer behind attention, when its input is nothing but the context, moved.</summary>
    public QuantizableLayer? Proj { get; init; }

    /// <summary>H.</summary>
    public required int Heads { get; init; }

    /// <summary>d, channels of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>
    /// True when batch and heads share the first axis, [B·H, T, d] (torch's nn.MultiheadAttention): the operands then have rank 3, and a factor
    /// per head cannot be broadcast over the scores of more than one image.
    /// </summary>
    public bool HeadsShareBatchAxis { get; init; }

    /// <summary>Windows an image is cut into, each with its own attention; 1 when every token sees every other.</summary>
    public int Windows { get; init; } = 1;

    /// <summary>
    /// True when operands and context keep images, windows and tokens on the axes and in the order the layers have them, [B, T, C], and all of them, so that a
    /// row of a layer's output is a token of the attention. A model that swaps or chooses tokens on the way is an attention still, but not one over rows.
    /// </summary>
    public bool KeepsTokenOrder { get; init; }

    /// <summary>True when V goes into <see cref="Context"/>, and the context into <see cref="Proj"/>, moved only and not scaled: what is added to a channel of V arrives there as it is, because the rows of the attention map sum to 1.</summary>
    public bool MovesValuesOnly { get; init; }

    /// <summary>True when Q and K go into <see cref="Scores"/> moved and multiplied by single numbers only: what the channels of a head are turned by in Q and K alike then cancels in the scores.</summary>
    public bool ScalesScoresAlike { get; init; }

    /// <summary>[H, d] output channels of <see cref="Q"/>.</summary>
    public required int[,] QChannels { get; init; }

    /// <summary>[H, d] output channels of <see cref="K"/>.</summary>
    public required int[,] KChannels { get; init; }

    /// <summary>[H, d] output channels of <see cref="V"/>.</summary>
    public required int[,] VChannels { get; init; }

    /// <summary>[H, d] input channels of <see cref="Proj"/>; null without it.</summary>
    public int[,]? ProjChannels { get; init; }
}

/// <summary>One LayerNormalization over the last axis, y = (x − mean)/sqrt(variance + ε)·γ + β, with constant γ and β [C].</summary>
public sealed record LayerNorm
{
    /// <summary>γ, an initializer used nowhere else or the input of the node that multiplies by it.</summary>
    public required Value Gamma { get; init; }

    /// <summary>The node that uses γ, and as which input.</summary>
    public required Use GammaUse { get; init; }

    /// <summary>β; null when there is none.</summary>
    public Value? Beta { get; init; }

    /// <summary>The node that uses β, and as which input.</summary>
    public Use? BetaUse { get; init; }

    /// <summary>What goes in.</summary>
    public required Value Input { get; init; }

    /// <summary>What comes out.</summary>
    public required Value Output { get; init; }

    /// <summary>
    /// The linear layers that use the output with every channel in its place: directly, or through movement that leaves channels alone
    /// (Identity, Reshape to rows, windows, picking the class token).
    /// </summary>
    public required IReadOnlyList<QuantizableLayer> Consumers { get; init; }

    /// <summary>True when nothing but <see cref="Consumers"/> uses the output, so that a factor may move from γ, β into their weights.</summary>
    public required bool FeedsOnlyLayers { get; init; }
}
