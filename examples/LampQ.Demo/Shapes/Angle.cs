namespace LampQ.Demo;

/// <summary>A direction in steps of 1.5°, counted anticlockwise on the screen; cosine and sine as integers scaled by 2¹⁴.</summary>
/// <remarks>
/// Library sines may differ in the last bit between platforms; these are numbers in the source.
/// 240 steps divide by 3, 4 and 48, so the normals of a triangle and of a square and stripes every 7.5° are exact steps.
/// </remarks>
readonly record struct Angle(int Steps)
{
    public const int FullTurn = 240;

    const int QuarterTurn = FullTurn / 4;
    const int FractionBits = 14;

    // round(2¹⁴ · sin(k · 1.5°)) for k = 0 .. 60.
    static ReadOnlySpan<short> QuarterSine =>
    [
        0, 429, 857, 1285, 1713, 2139, 2563, 2986, 3406, 3825, 4240, 4653, 5063, 5469, 5872, 6270,
        6664, 7053, 7438, 7818, 8192, 8561, 8923, 9280, 9630, 9974, 10311, 10641, 10963, 11278, 11585, 11885,
        12176, 12458, 12733, 12998, 13255, 13502, 13741, 13970, 14189, 14399, 14598, 14788, 14968, 15137, 15296, 15444,
        15582, 15709, 15826, 15931, 16026, 16110, 16182, 16244, 16294, 16333, 16362, 16378, 16384,
    ];

    public Angle Plus(int steps) => new(Steps + steps);

    /// <summary>The coordinate of (x, y) along this direction: x·cos − y·sin, because y grows downwards; rounded down.</summary>
    /// <remarks>|x| and |y| stay below 2¹³ (an image is 2¹¹ units wide), so the products stay below 2²⁸.</remarks>
    public int Along(int x, int y) => (x * Sine(Steps + QuarterTurn) - y * Sine(Steps)) >> FractionBits;

    static int Sine(int steps)
    {
        var k = steps % FullTurn;
        if (k < 0)
            k += FullTurn;
        var sign = k < 2 * QuarterTurn ? 1 : -1;
        k %= 2 * QuarterTurn;
        return sign * QuarterSine[k <= QuarterTurn ? k : 2 * QuarterTurn - k];
    }
}
