namespace LampQ.Demo;

/// <summary>A direction in steps of 3°, counted anticlockwise on the screen; cosine and sine as integers scaled by 2¹⁴.</summary>
/// <remarks>
/// Library sines may differ in the last bit between platforms; these are numbers in the source.
/// 120 steps divide by 3, 4 and 12, so the normals of a triangle and of a square and stripes every 30° are exact steps.
/// </remarks>
readonly record struct Angle(int Steps)
{
    public const int FullTurn = 120;

    const int QuarterTurn = FullTurn / 4;
    const int FractionBits = 14;

    // round(2¹⁴ · sin(k · 3°)) for k = 0 .. 30.
    static ReadOnlySpan<short> QuarterSine =>
    [
        0, 857, 1713, 2563, 3406, 4240, 5063, 5872, 6664, 7438, 8192, 8923, 9630, 10311, 10963, 11585,
        12176, 12733, 13255, 13741, 14189, 14598, 14968, 15296, 15582, 15826, 16026, 16182, 16294, 16362, 16384,
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
