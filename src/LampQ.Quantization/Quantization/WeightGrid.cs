using LampQ.Onnx;

namespace LampQ.Quantization;

/// <summary>The values that a row of weights may take: scale·s for every integer s from low to high, low ≤ 0 ≤ high; its code is s + zero point.</summary>
/// <param name="Bits">2 to 8.</param>
/// <param name="Scale">Positive.</param>
/// <param name="ZeroPoint">The code of 0, −2^(bits−1) to 2^(bits−1) − 1; 0 is symmetric.</param>
public readonly record struct WeightGrid(int Bits, float Scale, int ZeroPoint = 0)
{
    /// <summary>−2^(bits−1) − zero point.</summary>
    public int Low => -(1 << (Bits - 1)) - ZeroPoint;

    /// <summary>2^(bits−1) − 1 − zero point.</summary>
    public int High => (1 << (Bits - 1)) - 1 - ZeroPoint;

    /// <summary>The code of a step of the grid.</summary>
    public sbyte CodeOf(float step) => (sbyte)(step + ZeroPoint);

    /// <summary>The grid with another scale around the same middle; a symmetric one stays symmetric.</summary>
    public WeightGrid Scaled(float factor) => this with { Scale = Scale * factor, ZeroPoint = ZeroPoint == 0 ? 0 : ZeroPointFor(Bits, (Low + High) * 0.5f / factor) };

    /// <summary>The zero point that puts the middle of the codes, −½, at a number of steps from 0.</summary>
    public static int ZeroPointFor(int bits, float middle) => (int)Math.Clamp(MathF.Round(-0.5f - middle, MidpointRounding.ToEven), -(1 << (bits - 1)), (1 << (bits - 1)) - 1);

    /// <summary>Weights of these grids, one a row.</summary>
    internal static QuantizedWeights Weights(WeightGrid[] grids, int columns, sbyte[] codes) => new(grids[0].Bits, grids.Length, columns, codes, [.. grids.Select(g => g.Scale)],
        grids.All(g => g.ZeroPoint == 0) ? null : [.. grids.Select(g => (sbyte)g.ZeroPoint)]);
}
