namespace LampQ.Runtime;

/// <summary>The integers a quantizer may return: quantize(v) = clamp(rne(v) + zero point, low, high), and <c>low</c> for NaN.</summary>
/// <remarks>v is already divided by the scale.</remarks>
readonly record struct CodeRange
{
    /// <exception cref="InvalidDataException">Not 0 ≤ low ≤ high ≤ 255, or a zero point outside 0 to 255.</exception>
    public CodeRange(int zeroPoint, int low = 0, int high = 255)
    {
        if (low < 0 || high > 255 || low > high)
            throw new InvalidDataException($"low {low} and high {high} are not bounds of uint8 codes; 0 <= low <= high <= 255 is expected.");
        Requires.ZeroPoint(zeroPoint, "zero_point");
        (ZeroPoint, Low, High) = (zeroPoint, low, high);
    }

    /// <summary>The code of 0.</summary>
    public int ZeroPoint { get; }

    /// <summary>The smallest code.</summary>
    public int Low { get; }

    /// <summary>The largest code.</summary>
    public int High { get; }

    /// <summary>The definition of quantize.</summary>
    public byte Quantize(float v)
    {
        if (float.IsNaN(v))
            return (byte)Low;
        // Codes end long before ±2^20, and an int holds what is left.
        int code = (int)MathF.Round(Math.Clamp(v, -1048576f, 1048576f), MidpointRounding.ToEven) + ZeroPoint;
        return (byte)Math.Clamp(code, Low, High);
    }
}
