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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        var codes = new CodeLanes<V>(bounds);
        float* m = multiplier + channel, b = bias + channel;
        int* z = zeroPoint + channel;
        byte* target = y + row * N + channel;
        if (channels == 64)
        {
            V m0 = V.Load(m), m1 = V.Load(m + 16), m2 = V.Load(m + 32), m3 = V.Load(m + 48);
            V b0 = V.Load(b), b1 = V.Load(b + 16), b2 = V.Load(b + 32), b3 = V.Load(b + 48);
            V z0 = V.Load(z), z1 = V.Load(z + 16), z2 = V.Load(z + 32), z3 = V.Load(z + 48);
            for (int i = 0; i < rows; i++, acc += 64, target += N)
                V.Store(codes.Pack(
                    Code(codes, acc, m0, b0, z0), Code(codes, acc + 16, m1, b1, z1), Code(codes, acc + 32, m2, b2, z2), Code(codes, acc + 48, m3, b3, z3)), target);
            return;
        }
        for (int i = 0; i < rows; i++, acc += 64, target += N)
            for (int c = 0; c < channels; c += 16)
            {
                V code = Code(codes, acc + c, V.Load(m + c), V.Load(b + c), V.Load(z + c));
                LanesTail<V>.StoreBytes(codes.Pack(code, code, code, code), target + c, Math.Min(16, channels - c));
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Code(CodeLanes<V> codes, int* acc, V multiplier, V bias, V zeroPoint) =>
        codes.Round(V.MultiplyAdd(V.ToFloats(V.Load(acc)), multiplier, bias), zeroPoint);
}
