using LampQ.Onnx;

namespace LampQ.Runtime;

/// <summary>What <c>Linear</c>, <c>LinearQuantize</c> and <c>LinearLevels</c> are told (docs/formats.md).</summary>
sealed record LinearDescription
{
    /// <summary>N.</summary>
    public required int OutFeatures { get; init; }

    /// <summary>K.</summary>
    public required int InFeatures { get; init; }

    /// <summary>Bytes of a row of x; null for K.</summary>
    public int? XColumns { get; init; }

    /// <summary>Where a row of x begins in its bytes.</summary>
    public int XOffset { get; init; }

    /// <summary>Bits of a weight, 2 to 8.</summary>
    public required int Bits { get; init; }

    /// <summary>Zero point of x.</summary>
    public int XZeroPoint { get; init; }

    /// <summary>Scale of x times scale of the row of W: [N].</summary>
    public required float[] Multiplier { get; init; }

    /// <summary>[N]; null for zeros.</summary>
    public float[]? Bias { get; init; }

    /// <summary>[N], in the signed codes of W; null for zeros.</summary>
    public int[]? WeightZeroPoint { get; init; }

    /// <summary>What makes codes of the result; null where the output is float.</summary>
    public LinearOutput? Output { get; init; }
}

/// <summary>What <c>LinearQuantize</c> and <c>LinearLevels</c> do with a product.</summary>
sealed record LinearOutput
{
    /// <summary>Reciprocal of the output's scale, times a channel factor where the graph has one: [N].</summary>
    public required float[] Multiplier { get; init; }

    /// <summary>[N]; null for zeros.</summary>
    public byte[]? ZeroPoint { get; init; }

    /// <summary>The codes as a table; null for uniform ones, which zero point, low and high describe.</summary>
    public LevelTable? Table { get; init; }

    /// <summary>Null for none.</summary>
    public GatedActivation? Activation { get; init; }

    /// <summary>The smallest code.</summary>
    public int Low { get; init; }

    /// <summary>The largest code.</summary>
    public int High { get; init; } = 255;
}

/// <summary>y = x·Wᵀ of codes, exact in int32, and what follows: bias and residual, or activation and quantizer.</summary>
sealed unsafe class LinearOperation
{
    /// <summary>The largest K for which no sum of K products of ±255 leaves int32.</summary>
    public const int LargestInFeatures = 33_000;

    readonly FloatKernels kernels;

    /// <param name="description">What the model says.</param>
    /// <param name="weight">Packed weights, 64-byte aligned; not copied: they outlive the operation.</param>
    /// <param name="weightBytes">Their length.</param>
    /// <param name="dot">What multiplies; null for the fastest.</param>
    /// <param name="kernels">What computes floats; null for the fastest.</param>
    /// <exception cref="InvalidDataException">The description contradicts itself or the weights, or holds values that are not finite.</exception>
    public LinearOperation(LinearDescription description, byte* weight, long weightBytes, DotKernel? dot = null, FloatKernels? kernels = null)
    {
        var d = description;
        this.kernels = kernels ?? FloatKernels.Fastest();
        if (d.Bits is < 2 or > 8)
            throw new InvalidDataException($"bits is {d.Bits}; 2 to 8 are supported.");
        Dot = dot ?? DotKernel.For(d.Bits);
        Requires.Positive(d.OutFeatures, "out_features");
        Requires.Positive(d.InFeatures, "in_features");
        Requires.ZeroPoint(d.XZeroPoint, "x_zero_point");
        if (d.InFeatures > LargestInFeatures)
            throw new InvalidDataException($"in_features is {d.InFeatures}; sums of more than {LargestInFeatures} products may not fit 32 bits.");
        long expected = PackedWeights.SizeInBytes(d.OutFeatures, d.InFeatures, d.Bits);
        if (weightBytes != expected)
            throw new InvalidDataException($"weight has {weightBytes} bytes; {d.OutFeatures} x {d.InFeatures} at {d.Bits} bits are packed into {expected}.");
        (OutFeatures, InFeatures, Bits, XZeroPoint) = (d.OutFeatures, d.InFeatures, d.Bits, d.XZeroPoint);
        (XColumns, XOffset) = (d.XColumns ?? d.InFeatures, d.XOffset);
        if (XOffset < 0 || (long)XOffset + InFeatures > XColumns)
            throw new InvalidDataException($"x_offset is {XOffset} and x_columns {XColumns}; {InFeatures} features from there on do not fit.");
        Weight = weight;

        float[] multiplier = d.Multiplier, bias = d.Bias ?? new float[OutFeatures];
        Requires.Length(multiplier, OutFeatures, "multiplier");
        Requires.Length(bias, OutFeatures, "bias");
        Requires.Finite(multiplier, "multiplier");
        Requires.Finite(bias, "bias");
        if (d.WeightZeroPoint is { } zeroPoints)
        {
            Requires.Length(zeroPoints, OutFeatures, "weight_zero_point");
            if (Array.FindIndex(zeroPoints, z => z is < sbyte.MinValue or > sbyte.MaxValue) is >= 0 and int at)
                throw new InvalidDataException($"weight_zero_point[{at}] is {zeroPoints[at]}; -128 to 127 are expected.");
            WeightZeroPoint = zeroPoints.Any(z => z != 0) ? new(zeroPoints) : null;
        }
        Init = XZeroPoint == 0 ? null : new([.. WeightUnpacker.ChannelSums(weight, OutFeatures, InFeatures, Bits)
            .Select((sum, n) => XZeroPoint * (InFeatures * (WeightZeroPoint?[n] ?? 0) - sum))]);
        if (d.Output is { } output)
        {
            Requires.Length(output.Multiplier, OutFeatures, "output_multiplier");
            byte[] zeroPoint = output.ZeroPoint ?? new byte[OutFeatures];
            Requires.Length(zeroPoint, OutFeatures, "output_zero_point");
            Requires.Finite(output.Multiplier, "output_multiplier");
            Table = output.Table;
            Codes = new CodeRange(0, output.Low, output.High);
            Activation = output.Activation;
            OutputZeroPoint = new([.. zeroPoint.Select(z => (int)z)]);
            if (Activation is null)
            {
                multiplier = Products(multiplier, output.Multiplier);
                bias = Products(bias, output.Multiplier);
                Requires.Finite(multiplier, "multiplier times output_multiplier");
                Requires.Finite(bias, "bias times output_multiplier");
            }
            else
                OutputMultiplier = new(output.Multiplier);
        }
        (Multiplier, Bias) = (new(multiplier), new(bias));
    }

    /// <summary>N.</summary>
    public int OutFeatures { get; }

    /// <summary>K.</summary>
    public int InFeatures { get; }

    /// <summary>Bytes of a row of x.</summary>
    public int XColumns { get; }

    /// <summary>Where a row of x begins in its bytes.</summary>
    public int XOffset { get; }

    /// <summary>Bits of a weight.</summary>
    public int Bits { get; }

    /// <summary>Zero point of x.</summary>
    public int XZeroPoint { get; }

    /// <summary>Packed weights.</summary>
    public byte* Weight { get; }

    /// <summary>What multiplies.</summary>
    public DotKernel Dot { get; }

    /// <summary>Null where all are 0.</summary>
    public AlignedArray<int>? WeightZeroPoint { get; }

    /// <summary>zx·(K·zw − Σ_k w), what the sums of a channel start from; null where zx is 0.</summary>
    public AlignedArray<int>? Init { get; }

    /// <summary>Of float(acc); the output's multiplier is in it where codes follow without an activation.</summary>
    public AlignedArray<float> Multiplier { get; }

    /// <summary>Added; the output's multiplier is in it where codes follow without an activation.</summary>
    public AlignedArray<float> Bias { get; }

    /// <summary>Null for none.</summary>
    public GatedActivation? Activation { get; }

    /// <summary>Bounds of the codes, zero points aside; null where the output is float.</summary>
    public CodeRange? Codes { get; }

    /// <summary>Null for uniform codes and floats.</summary>
    public LevelTable? Table { get; }

    /// <summary>Bytes of a row of codes: N, or N a plane of the table.</summary>
    public int OutColumns => OutFeatures * (Table?.Planes ?? 1);

    /// <summary>Behind an activation; null otherwise.</summary>
    public AlignedArray<float>? OutputMultiplier { get; }

    /// <summary>Null where the output is float.</summary>
    public AlignedArray<int>? OutputZeroPoint { get; }

    /// <summary>Codes of x·Wᵀ, or the bytes of their levels.</summary>
    /// <param name="x">[rows, x_columns].</param>
    /// <param name="rows">At least 0.</param>
    /// <param name="y">[rows, N], or [rows, planes·N].</param>
    /// <param name="workers">Who works.</param>
    /// <exception cref="InvalidOperationException">The operation returns floats.</exception>
    public void Run(byte* x, long rows, byte* y, Workers workers)
    {
        if (Codes is null)
            throw new InvalidOperationException("Linear returns floats; LinearQuantize returns codes.");
        RunCore(new() { X = x, Rows = rows, Codes = y }, workers);
    }

    /// <summary>Floats x·Wᵀ.</summary>
    /// <param name="x">[rows, x_columns].</param>
    /// <param name="rows">At least 0.</param>
    /// <param name="residual">[rows, N], added to the result; null for none.</param>
    /// <param name="y">[rows, N].</param>
    /// <param name="workers">Who works.</param>
    /// <exception cref="InvalidOperationException">The operation returns codes.</exception>
    public void Run(byte* x, long rows, float* residual, float* y, Workers workers)
    {
        if (Codes is not null)
            throw new InvalidOperationException("LinearQuantize returns codes; Linear returns floats.");
        RunCore(new() { X = x, Rows = rows, Residual = residual, Floats = y }, workers);
    }

    /// <summary>The integer part of a call.</summary>
    public LinearProduct Product(in LinearRows rows) => new()
    {
        X = rows.X + XOffset,
        StrideX = XColumns,
        M = rows.Rows,
        N = OutFeatures,
        K = InFeatures,
        Weights = Weight,
        Bits = Bits,
        LargestX = byte.MaxValue,
        Init = Init is null ? null : Init.Pointer,
        WeightZeroPoints = WeightZeroPoint is null ? null : WeightZeroPoint.Pointer,
    };

    void RunCore(LinearRows rows, Workers workers)
    {
        kernels.Linear(this, rows, workers);
        GC.KeepAlive(this);
    }

    static float[] Products(float[] a, float[] b) => [.. a.Zip(b, (x, y) => (float)((double)x * y))];
}

/// <summary>The rows of a call; one of the outputs is null, the residual may be.</summary>
unsafe struct LinearRows
{
    public byte* X;
    public long Rows;
    public float* Residual;
    public byte* Codes;
    public float* Floats;
}
