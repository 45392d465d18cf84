using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Sums to floats: float(acc)·multiplier + bias, each rounded, then + residual where there is one.</summary>
/// <remarks>
/// ONNX Runtime rounds the product too (MatMulIntegerToFloat). One rounding less would be closer to the exact sum, but the residual stream would differ from ONNX Runtime's in its
/// last bits, and each such bit is a chance that the next quantizer's value falls on the other side of a tie (docs/decisions/0013).
/// </remarks>
readonly unsafe struct ResidualEpilogue<V>(LinearOperation operation, float* residual, float* y) : IEpilogue where V : struct, IFloats<V>
{
    readonly float* multiplier = operation.Multiplier.Pointer, bias = operation.Bias.Pointer, residual = residual, y = y;
    readonly int N = operation.OutFeatures;

    public void Ahead(int rows, long row, int channel)
    {
        nint stride = (nint)N * sizeof(float);
        long at = row * N + channel;
        int bytes = Math.Min(64, N - channel) * sizeof(float);
        if (residual != null && residual != y)
            Runtime.Ahead.Rows((byte*)(residual + at), bytes, rows, stride);
        Runtime.Ahead.Rows((byte*)(y + at), bytes, rows, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        int whole = channels / 16 * 16;
        for (int i = 0; i < rows; i++, acc += 64)
        {
            float* m = multiplier + channel, b = bias + channel;
            long at = (row + i) * N + channel;
            float* target = y + at;
            if (residual == null)
                for (int c = 0; c < whole; c += 16)
                    V.Store(Value(acc + c, m + c, b + c), target + c);
            else
            {
                float* added = residual + at;
                for (int c = 0; c < whole; c += 16)
                    V.Store(V.Add(Value(acc + c, m + c, b + c), V.Load(added + c)), target + c);
            }
            if (whole < channels)
                StoreLast(acc + whole, channel + whole, at + whole, channels - whole);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void StoreLast(int* acc, int channel, long at, int count)
    {
        V v = Value(acc, multiplier + channel, bias + channel);
        LanesTail<V>.Store(residual == null ? v : V.Add(v, LanesTail<V>.Load(residual + at, count)), y + at, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Value(int* acc, float* multiplier, float* bias) => V.Add(V.Multiply(V.ToFloats(V.Load(acc)), V.Load(multiplier)), V.Load(bias));
}
