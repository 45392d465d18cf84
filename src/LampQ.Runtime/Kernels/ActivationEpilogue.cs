using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Sums to codes through an activation: quantize(g(fma(float(acc), multiplier, bias))·output multiplier).</summary>
readonly unsafe struct ActivationEpilogue<V>(LinearOperation operation, byte* y) : IEpilogue where V : struct, IFloats<V>
{
    readonly float* multiplier = operation.Multiplier.Pointer, bias = operation.Bias.Pointer, outputMultiplier = operation.OutputMultiplier!.Pointer;
    readonly float* table = operation.Activation!.Table;
    readonly float scale = operation.Activation!.Scale;
    readonly int* zeroPoint = operation.OutputZeroPoint!.Pointer;
    readonly CodeRange bounds = operation.Codes!.Value;
    readonly byte* y = y;
    readonly int N = operation.OutFeatures;

    public void Ahead(int rows, long row, int channel) => Runtime.Ahead.Rows(y + row * N + channel, Math.Min(64, N - channel), rows, N);

    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        if (channels == 64)
            StorePanel(acc, rows, channel, y + row * N + channel);
        else
            StoreLast(acc, rows, channel, y + row * N + channel, channels);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void StorePanel(int* acc, int rows, int channel, byte* target)
    {
        var codes = new CodeLanes<V>(bounds);
        var gate = new GateLanes<V>(table, scale);
        float* m = multiplier + channel, b = bias + channel, o = outputMultiplier + channel;
        int* z = zeroPoint + channel;
        nint stride = N;
        for (int row = 0; row < rows; row++, acc += 64, target += stride)
        {
            // Codes take the place of their sums: with four gates in the loop the JIT would stop inlining.
            for (int c = 0; c < 64; c += 16)
                V.Store(Code(codes, gate, acc + c, m + c, b + c, o + c, z + c), acc + c);
            V.Store(codes.Pack(V.Load(acc), V.Load(acc + 16), V.Load(acc + 32), V.Load(acc + 48)), target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void StoreLast(int* acc, int rows, int channel, byte* target, int channels)
    {
        var codes = new CodeLanes<V>(bounds);
        var gate = new GateLanes<V>(table, scale);
        float* m = multiplier + channel, b = bias + channel, o = outputMultiplier + channel;
        int* z = zeroPoint + channel;
        for (int i = 0; i < rows; i++, acc += 64, target += N)
            for (int c = 0; c < channels; c += 16)
                LanesTail<V>.StoreCodes(codes, Code(codes, gate, acc + c, m + c, b + c, o + c, z + c), target + c, channels - c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Code(in CodeLanes<V> codes, in GateLanes<V> gate, int* acc, float* multiplier, float* bias, float* outputMultiplier, int* zeroPoint)
    {
        V v = V.MultiplyAdd(V.ToFloats(V.Load(acc)), V.Load(multiplier), V.Load(bias));
        return codes.Round(V.Multiply(gate.Apply(v), V.Load(outputMultiplier)), V.Load(zeroPoint));
    }
}
