using LampQ.Onnx;

namespace LampQ.Runtime.Tests;

/// <summary>Attention maps coded as the papers code them, at widths around those they use.</summary>
static class CodedMaps
{
    public static IEnumerable<object[]> All =>
    [
        Log("log2", 1, 4, ZeroState.LastCode), Log("log2", 1, 8, ZeroState.None), Log("log2", 1, 3, ZeroState.Extra), Log("log-sqrt2", .5, 4, ZeroState.LastCode), Log("adalog", 47 / 37.0, 4, ZeroState.LastCode),
        Log("adalog", 20 / 37.0, 5, ZeroState.None), Log("adalog", 9 / 37.0, 6, ZeroState.LastCode), Log("row-adalog", 40 / 37.0, 4, ZeroState.LastCode, rows: true), Log("row-log2", 1, 4, ZeroState.None, rows: true),
        Twin(3, 4), Twin(6, 4), Twin(9, 6), Twin(4, 8), Twin(16, 8),
    ];

    static object[] Log(string name, double exponent, int bits, ZeroState zero, bool rows = false) => [$"{name}, {bits} bits, {zero}", new MapCode(new LogQuantizer(1, exponent, 0, bits, zero), rows)];

    /// <summary>Steps 2^−i/n up to 2^−i, and 1/n above.</summary>
    static object[] Twin(int i, int bits)
    {
        int n = (1 << (bits - 1)) - 1;
        float t = MathF.Pow(2, -i), step = 1f / n;
        int first = (int)MathF.Floor(t / step) + 1;
        return [$"twin 2^-{i}, {bits} bits", new MapCode(new TwinQuantizer(new(t / n, 0, n), new(step, first, Math.Max(first, n)), (t + first * step) / 2, bits), false)];
    }
}
