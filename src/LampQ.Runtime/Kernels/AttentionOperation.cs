namespace LampQ.Runtime;

/// <summary>What <c>Attention</c> and <c>AttentionQuantize</c> are told (docs/formats.md).</summary>
sealed record AttentionDescription
{
    /// <summary>H.</summary>
    public required int Heads { get; init; }

    /// <summary>d.</summary>
    public required int HeadSize { get; init; }

    /// <summary>First column of head 0 in q.</summary>
    public int QOffset { get; init; }

    /// <summary>First column of head 0 in k.</summary>
    public int KOffset { get; init; }

    /// <summary>First column of head 0 in v.</summary>
    public int VOffset { get; init; }

    /// <summary>Zero point of q.</summary>
    public int QZeroPoint { get; init; }

    /// <summary>Zero point of k.</summary>
    public int KZeroPoint { get; init; }

    /// <summary>Zero point of v.</summary>
    public int VZeroPoint { get; init; }

    /// <summary>Scale of q times scale of k times the factor of the scores.</summary>
    public float ScoreScale { get; init; }

    /// <summary>One score scale a head, where heads differ; null where <see cref="ScoreScale"/> holds for all of them.</summary>
    public float[]? ScoreScales { get; init; }

    /// <summary>Score scale of a head.</summary>
    public float ScoreScaleOf(int head) => ScoreScales is { } scales ? scales[head] : ScoreScale;

    /// <summary>The map's codes as a table; null for uniform ones, which the next three describe.</summary>
    public LevelTable? MapTable { get; init; }

    /// <summary>Whether a table codes the map relative to the maximum of its row.</summary>
    public bool TableOfRows { get; init; }

    /// <summary>Bits of the attention map, 2 to 8.</summary>
    public int MapBits { get; init; } = 8;

    /// <summary>Scale of the map's quantizer for <c>map</c> = <c>tensor</c>; null for <c>row</c>.</summary>
    public float? MapScale { get; init; }

    /// <summary>Zero point of the map for <c>tensor</c>.</summary>
    public int MapZeroPoint { get; init; }

    /// <summary>True for <c>map</c> = <c>row</c>: the map relative to the maximum of its row is coded, and the context multiplied by the maximum.</summary>
    public bool MapOfRows => MapTable is null ? MapScale is null : TableOfRows;

    /// <summary>Scale of v times scale of the map's codes, or of the levels of its table.</summary>
    public required float ContextScale { get; init; }

    /// <summary>Scale of the codes; null where the output is float.</summary>
    public float? Scale { get; init; }

    /// <summary>Integers of the codes.</summary>
    public CodeRange Codes { get; init; } = new(0);
}

/// <summary>softmax(s·Q·Kᵀ + bias)·V over heads, of codes, with both products exact in int32.</summary>
sealed unsafe class AttentionOperation
{
    /// <summary>The largest head size: a difference of two sums of d products of ±255 fits int32.</summary>
    public const int LargestHeadSize = 16_000;

    /// <summary>The largest number of tokens for which no sum of products of ±255 leaves int32.</summary>
    public const int LargestTokens = 33_000;

    readonly FloatKernels kernels;

    /// <param name="description">What the model says.</param>
    /// <param name="dot">What multiplies; null for the fastest.</param>
    /// <param name="kernels">What computes floats; null for the fastest.</param>
    /// <exception cref="InvalidDataException">The description contradicts itself or holds values that are not finite.</exception>
    public AttentionOperation(AttentionDescription description, DotKernel? dot = null, FloatKernels? kernels = null)
    {
        Dot = dot ?? DotKernel.Fastest();
        this.kernels = kernels ?? FloatKernels.Fastest();
        var d = Description = description;
        Requires.Positive(d.Heads, "heads");
        Requires.Positive(d.HeadSize, "head_size");
        if (d.HeadSize > LargestHeadSize)
            throw new InvalidDataException($"head_size is {d.HeadSize}; sums of more than {LargestHeadSize} products may not fit 32 bits.");
        if ((long)d.Heads * d.HeadSize > int.MaxValue)
            throw new InvalidDataException($"{d.Heads} heads of {d.HeadSize} are more columns than an index can count.");
        foreach (var (offset, name) in new[] { (d.QOffset, "q_offset"), (d.KOffset, "k_offset"), (d.VOffset, "v_offset") })
            if (offset < 0)
                throw new InvalidDataException($"{name} is {offset}; at least 0 is expected.");
        Requires.ZeroPoint(d.QZeroPoint, "q_zero_point");
        Requires.ZeroPoint(d.KZeroPoint, "k_zero_point");
        Requires.ZeroPoint(d.VZeroPoint, "v_zero_point");
        if (d.ScoreScales is { } scales && scales.Length != d.Heads)
            throw new InvalidDataException($"score_scales has {scales.Length} elements; one for each of {d.Heads} heads is expected.");
        for (int head = 0; head < (d.ScoreScales is null ? 1 : d.Heads); head++)
            Requires.Scale(d.ScoreScaleOf(head), d.ScoreScales is null ? "score_scale" : $"score_scales[{head}]");
        Requires.Scale(d.ContextScale, "context_scale");
        if (d.MapTable is not null)
        {
            if (d.MapScale is not null || d.MapZeroPoint != 0)
                throw new InvalidDataException("map_scale and map_zero_point belong to uniform codes; the map has a table.");
        }
        else if (d.MapBits is < 2 or > 8)
            throw new InvalidDataException($"map_bits is {d.MapBits}; 2 to 8 are supported.");
        if (d.MapScale is { } mapScale)
        {
            Requires.Scale(mapScale, "map_scale");
            Requires.ZeroPoint(d.MapZeroPoint, "map_zero_point");
            if (d.MapZeroPoint > LargestMapCode)
                throw new InvalidDataException($"map_zero_point is {d.MapZeroPoint}; codes of {d.MapBits} bits end at {LargestMapCode}.");
        }
        else if (d.MapZeroPoint != 0)
            throw new InvalidDataException($"map_zero_point is {d.MapZeroPoint}; a map of rows has zero point 0.");
        OutputScale = d.ContextScale;
        if (d.Scale is { } scale)
        {
            Requires.Scale(scale, "scale");
            OutputScale = (float)((double)d.ContextScale / scale);
            Requires.Scale(OutputScale, "context_scale/scale");
        }
    }

    /// <summary>What the model says.</summary>
    public AttentionDescription Description { get; }

    /// <summary>What multiplies.</summary>
    public DotKernel Dot { get; }

    /// <summary>2^map_bits − 1, or what a byte of a level may be.</summary>
    public int LargestMapCode => Description.MapTable is null ? (1 << Description.MapBits) - 1 : byte.MaxValue;

    /// <summary>Bytes of an element of the map: 1 for uniform codes.</summary>
    public int MapPlanes => Description.MapTable?.Planes ?? 1;

    /// <summary>context_scale, divided by the scale of the codes where there are codes.</summary>
    public float OutputScale { get; }

    /// <summary>Columns of the output, H·d.</summary>
    public int Columns => Description.Heads * Description.HeadSize;

    /// <summary>Codes [batch, query tokens, H·d].</summary>
    /// <exception cref="InvalidOperationException">The operation returns floats.</exception>
    /// <exception cref="ArgumentException">The inputs contradict the description or each other.</exception>
    public void Run(in AttentionInputs inputs, byte* y, Workers workers)
    {
        if (Description.Scale is null)
            throw new InvalidOperationException("Attention returns floats; AttentionQuantize returns codes.");
        RunCore(inputs, y, null, workers);
    }

    /// <summary>Floats [batch, query tokens, H·d].</summary>
    /// <exception cref="InvalidOperationException">The operation returns codes.</exception>
    /// <exception cref="ArgumentException">The inputs contradict the description or each other.</exception>
    public void Run(in AttentionInputs inputs, float* y, Workers workers)
    {
        if (Description.Scale is not null)
            throw new InvalidOperationException("AttentionQuantize returns codes; Attention returns floats.");
        RunCore(inputs, null, y, workers);
    }

    void RunCore(in AttentionInputs inputs, byte* codes, float* floats, Workers workers)
    {
        Check(inputs);
        if (inputs.Batch > 0 && inputs.QueryTokens > 0)
            kernels.Attention(this, inputs, codes, floats, workers);
        GC.KeepAlive(this);
    }

    /// <summary>What every call with tokens in it is asked, for who allocates the output.</summary>
    /// <exception cref="ArgumentException">The inputs contradict the description or each other.</exception>
    public void Check(in AttentionInputs inputs)
    {
        var d = Description;
        if (inputs.Batch < 0 || inputs.QueryTokens < 0 || inputs.Tokens < 0)
            throw new ArgumentException($"batch {inputs.Batch}, query tokens {inputs.QueryTokens} and tokens {inputs.Tokens} must not be negative.", nameof(inputs));
        if (inputs.Tokens is 0 or > LargestTokens)
            throw new ArgumentException($"There are {inputs.Tokens} tokens; 1 to {LargestTokens} are supported.", nameof(inputs));
        foreach (var (columns, offset, name) in new[] { (inputs.QColumns, d.QOffset, "q"), (inputs.KColumns, d.KOffset, "k"), (inputs.VColumns, d.VOffset, "v") })
            if (offset + (long)Columns > columns)
                throw new ArgumentException($"{name} has {columns} columns; {d.Heads} heads of {d.HeadSize} from column {offset} need {offset + (long)Columns}.", nameof(inputs));
        if (inputs.Bias != null && (inputs.BiasWindows < 1 || (inputs.BiasHeads != 1 && inputs.BiasHeads != d.Heads)))
            throw new ArgumentException($"bias is [{inputs.BiasWindows}, {inputs.BiasHeads}, query tokens, tokens]; 1 or more windows and 1 or {d.Heads} heads are expected.", nameof(inputs));
    }
}

/// <summary>The tensors of a call.</summary>
unsafe struct AttentionInputs
{
    /// <summary>[batch, query tokens, q columns].</summary>
    public byte* Q;

    /// <summary>[batch, tokens, k columns].</summary>
    public byte* K;

    /// <summary>[batch, tokens, v columns].</summary>
    public byte* V;

    /// <summary>Columns of the whole tensor, the distance of its rows.</summary>
    public long QColumns, KColumns, VColumns;

    /// <summary>B.</summary>
    public long Batch;

    /// <summary>Tq.</summary>
    public long QueryTokens;

    /// <summary>T.</summary>
    public long Tokens;

    /// <summary>[windows, heads, query tokens, tokens]; null for none.</summary>
    public float* Bias;

    /// <summary>Batch b has window b mod this.</summary>
    public long BiasWindows;

    /// <summary>1 or H.</summary>
    public long BiasHeads;

    /// <summary>The biases of query 0 of a head.</summary>
    public readonly float* BiasOf(long batch, int head) =>
        Bias == null ? null : Bias + (batch % BiasWindows * BiasHeads + (BiasHeads == 1 ? 0 : head)) * QueryTokens * Tokens;
}
