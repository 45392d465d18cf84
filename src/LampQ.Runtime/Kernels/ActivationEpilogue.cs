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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        var codes = new CodeLanes<V>(bounds);
        var gate = new GateLanes<V>(table, scale);
        byte* target = y + row * N + channel;
        for (int i = 0; i < rows; i++, acc += 64, target += N)
        {
            if (channels == 64)
            {
                V.Store(codes.Pack(
                    Code(codes, gate, acc, channel), Code(codes, gate, acc + 16, channel + 16),
                    Code(codes, gate, acc + 32, channel + 32), Code(codes, gate, acc + 48, channel + 48)), target);
                continue;
            }
            for (int c = 0; c < channels; c += 16)
            {
                V code = Code(codes, gate, acc + c, channel + c);
                LanesTail<V>.StoreBytes(codes.Pack(code, code, code, code), target + c, Math.Min(16, channels - c));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    V Code(CodeLanes<V> codes, GateLanes<V> gate, int* acc, int channel)
    {
        V v = V.MultiplyAdd(V.ToFloats(V.Load(acc)), V.Load(multiplier + channel), V.Load(bias + channel));
        return codes.Round(V.Multiply(gate.Apply(v), V.Load(outputMultiplier + channel)), V.Load(zeroPoint + channel));
    }
}
