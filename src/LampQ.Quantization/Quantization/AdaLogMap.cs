using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class MapQuantizer
{
    /// <summary>Levels 2^(−u·q/37) of the map itself, q searched by the error of the context (AdaLog, arXiv 2407.12951, section 3.2).</summary>
    public static MapQuantizer AdaLog { get; } = new AdaLogMap("adalog", isRowByRow: false);

    /// <summary>The same of each row relative to its maximum.</summary>
    public static MapQuantizer RowAdaLog { get; } = new AdaLogMap("row-adalog", isRowByRow: true);
}

sealed class AdaLogMap(string name, bool isRowByRow) : MapQuantizer
{
    public override string Name => name;

    public override bool NeedsContextError => true;

    protected override MapCode ChooseCore(int bits, ZeroState zero, Func<MapCode, double>? contextError)
    {
        MapCode Code(int q) => new(new LogQuantizer(1, AdaLogBase.Exponent(q), 0, bits, zero), isRowByRow);
        return Code(AdaLogBase.Search(q => contextError!(Code(q))));
    }
}

/// <summary>AdaLog's bases 2^(q/r): r = 37, and q up to 137 (a level 13 times the next). AdaLog starts at q = 10 (1.2 times); more than 5 bits want finer levels.</summary>
static class AdaLogBase
{
    public const int Least = 1, Most = 137;

    const int R = 37;

    /// <summary>q/r.</summary>
    public static double Exponent(int q) => (double)q / R;

    /// <summary>Every <paramref name="step"/>-th q, from 2 on.</summary>
    public static IEnumerable<int> Grid(int step)
    {
        for (int q = 2; q <= Most; q += step)
            yield return q;
    }

    /// <summary>The q of least error: every fourth, then halving steps around the best; over many values the error is smooth in the base.</summary>
    public static int Search(Func<int, double> error)
    {
        var known = new Dictionary<int, double>();
        double Of(int q) => known.TryGetValue(q, out double value) ? value : known[q] = error(q);
        int best = Grid(4).MinBy(Of);
        foreach (int step in (int[])[2, 1])
            best = new[] { best, best - step, best + step }.Where(q => q is >= Least and <= Most).MinBy(Of);
        return best;
    }
}
