using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class MapQuantizer
{
    /// <summary>
    /// Two uniform regions of the map itself, n = 2^(bits−1) − 1: steps t/n up to t and 1/n above, t = 2^−i searched by the error of the context (PTQ4ViT, arXiv 2111.12293,
    /// section 3.2). A value goes to the region whose level is nearer; the published code adds both regions' values instead, which raises all values above t by about t.
    /// </summary>
    public static MapQuantizer Twin { get; } = new TwinMap();
}

sealed class TwinMap : MapQuantizer
{
    public override string Name => "twin";

    public override bool NeedsContextError => true;

    protected override MapCode ChooseCore(int bits, ZeroState zero, Func<MapCode, double>? contextError) =>
        Enumerable.Range(1, 16).Select(i => new MapCode(Code(MathF.Pow(2, -i), bits), false)).MinBy(contextError!)!;

    /// <summary>The code with regions up to t and above.</summary>
    internal static TwinQuantizer Code(float t, int bits)
    {
        int n = (1 << (bits - 1)) - 1;
        float step = 1f / n;
        // The first level of the upper region that the lower one does not reach.
        int first = (int)MathF.Floor(t / step) + 1;
        return new TwinQuantizer(new(t / n, 0, n), new(step, first, Math.Max(first, n)), (t + first * step) / 2, bits);
    }
}
