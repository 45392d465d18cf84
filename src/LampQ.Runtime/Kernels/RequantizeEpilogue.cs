using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Sums to codes: quantize(fma(float(acc), a, b)).</summary>
readonly unsafe struct RequantizeEpilogue<V>(LinearOperation operation, byte* y) : IEpilogue where V : struct, IFloats<V>
{
    readonly float* multiplier = operation.Multiplier.Pointer, bias = operation.Bias.Pointer;
    readonly int* zeroPoint = operation.OutputZeroPoint!.Pointer;
    readonly CodeRange bounds = operation.Codes!.Value;
    readonly byte* y = y;
    readonly int N = operation.OutFeatures;

    public void Ahead(int rows, long row, int channel) => Runtime.Ahead.Rows(y + row * N + channel, Math.Min(64, N - channel), rows, N);

    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        if (channels == 64)
            StorePanel(acc, rows, multiplier + channel, bias + channel, zeroPoint + channel, y + row * N + channel);
        else
            StoreLast(acc, rows, multiplier + channel, bias + channel, zeroPoint + channel, y + row * N + channel, channels);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void StorePanel(int* acc, int rows, float* m, float* b, int* z, byte* target)
    {
        var codes = new CodeLanes<V>(bounds);
        V m0 = V.Load(m), m1 = V.Load(m + 16), m2 = V.Load(m + 32), m3 = V.Load(m + 48);
        V b0 = V.Load(b), b1 = V.Load(b + 16), b2 = V.Load(b + 32), b3 = V.Load(b + 48);
        V z0 = V.Load(z), z1 = V.Load(z + 16), z2 = V.Load(z + 32), z3 = V.Load(z + 48);
        nint stride = N;
        for (int* end = acc + rows * 64; acc < end; acc += 64, target += stride)
            V.Store(codes.Pack(
                Code(codes, acc, m0, b0, z0), Code(codes, acc + 16, m1, b1, z1), Code(codes, acc + 32, m2, b2, z2), Code(codes, acc + 48, m3, b3, z3)), target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void StoreLast(int* acc, int rows, float* m, float* b, int* z, byte* target, int channels)
    {
        var codes = new CodeLanes<V>(bounds);
        for (int i = 0; i < rows; i++, acc += 64, target += N)
            for (int c = 0; c < channels; c += 16)
                LanesTail<V>.StoreCodes(codes, Code(codes, acc + c, V.Load(m + c), V.Load(b + c), V.Load(z + c)), target + c, channels - c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Code(CodeLanes<V> codes, int* acc, V multiplier, V bias, V zeroPoint) =>
        codes.Round(V.MultiplyAdd(V.ToFloats(V.Load(acc)), multiplier, bias), zeroPoint);
}
