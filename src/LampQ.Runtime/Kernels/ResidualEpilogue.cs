using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Sums to floats: fma(float(acc), multiplier, bias), then + residual where there is one.</summary>
readonly unsafe struct ResidualEpilogue<V>(LinearOperation operation, float* residual, float* y) : IEpilogue where V : struct, IFloats<V>
{
    readonly float* multiplier = operation.Multiplier.Pointer, bias = operation.Bias.Pointer, residual = residual, y = y;
    readonly int N = operation.OutFeatures;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        for (int i = 0; i < rows; i++, acc += 64)
        {
            long at = (row + i) * N + channel;
            for (int c = 0; c < channels; c += 16)
            {
                V v = V.MultiplyAdd(V.ToFloats(V.Load(acc + c)), V.Load(multiplier + channel + c), V.Load(bias + channel + c));
                if (channels - c >= 16)
                    V.Store(residual == null ? v : V.Add(v, V.Load(residual + at + c)), y + at + c);
                else
                    LanesTail<V>.Store(residual == null ? v : V.Add(v, LanesTail<V>.Load(residual + at + c, channels - c)), y + at + c, channels - c);
            }
        }
    }
}
