using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class MapQuantizer
{
    /// <summary>Levels 2^−u of the map itself (FQ-ViT, arXiv 2111.13824, section 3.3).</summary>
    public static MapQuantizer Log2 { get; } = new LogMap("log2", 1, isRowByRow: false);

    /// <summary>Levels s·2^(−u/2) of the map itself (RepQ-ViT, arXiv 2212.08254, section 3.4), with s = 1.</summary>
    public static MapQuantizer LogSqrt2 { get; } = new LogMap("log-sqrt2", 0.5, isRowByRow: false);

    /// <summary>Levels 2^−u of each row relative to its maximum, which is coded exactly.</summary>
    public static MapQuantizer RowLog2 { get; } = new LogMap("row-log2", 1, isRowByRow: true);

    /// <summary>Levels 2^(−u/2) of each row relative to its maximum.</summary>
    public static MapQuantizer RowLogSqrt2 { get; } = new LogMap("row-log-sqrt2", 0.5, isRowByRow: true);
}

/// <summary>Levels of a fixed base.</summary>
sealed class LogMap(string name, double exponent, bool isRowByRow) : MapQuantizer
{
    public override string Name => name;

    protected override MapCode ChooseCore(int bits, ZeroState zero, Func<MapCode, double>? contextError) => new(new LogQuantizer(1, exponent, 0, bits, zero), isRowByRow);
}
