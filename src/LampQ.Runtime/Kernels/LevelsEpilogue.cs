using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Sums to the bytes of levels, with an activation or without: level(g(fma(acc, multiplier, bias))·output multiplier), or level(fma(acc, a, b)).</summary>
/// <remarks>Values, then levels, take the place of their sums; sums of channels that do not exist hold anything, and nothing of them is stored.</remarks>
readonly unsafe struct LevelsEpilogue<V>(LinearOperation operation, byte* y) : IEpilogue where V : struct, IFloats<V>
{
    readonly float* multiplier = operation.Multiplier.Pointer, bias = operation.Bias.Pointer, outputMultiplier = operation.OutputMultiplier is null ? null : operation.OutputMultiplier.Pointer;
    readonly GatedActivation? activation = operation.Activation;
    readonly LevelTable table = operation.Table!;
    readonly byte* y = y;
    readonly int N = operation.OutFeatures, stride = operation.OutColumns;

    public void Ahead(int rows, long row, int channel) => Runtime.Ahead.Rows(y + row * stride + channel, Math.Min(64, N - channel), rows, stride);

    public void Store(int* acc, int rows, long row, int channel, int channels)
    {
        if (activation is null)
            Values(acc, rows, channel, channels);
        else
            GatedValues(acc, rows, channel, channels);
        var levels = new LevelLanes<V>(table, table.Count);
        for (int i = 0; i < rows; i++, acc += 64)
        {
            levels.Replace((float*)acc, 1);
            byte* target = y + (row + i) * stride + channel;
            for (int plane = 0; plane < table.Planes; plane++, target += N)
                StorePlane(acc, plane, target, channels);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Values(int* acc, int rows, int channel, int channels)
    {
        for (int row = 0; row < rows; row++, acc += 64)
            for (int c = 0; c < channels; c += 16)
                V.Store(V.MultiplyAdd(V.ToFloats(V.Load(acc + c)), V.Load(multiplier + channel + c), V.Load(bias + channel + c)), acc + c);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void GatedValues(int* acc, int rows, int channel, int channels)
    {
        var gate = new GateLanes<V>(activation!.Table, activation.Scale);
        for (int row = 0; row < rows; row++, acc += 64)
            for (int c = 0; c < channels; c += 16)
            {
                V v = V.MultiplyAdd(V.ToFloats(V.Load(acc + c)), V.Load(multiplier + channel + c), V.Load(bias + channel + c));
                V.Store(V.Multiply(gate.Apply(v), V.Load(outputMultiplier + channel + c)), acc + c);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void StorePlane(int* levels, int plane, byte* target, int channels)
    {
        if (channels == 64)
        {
            V.Store(LevelLanes<V>.Plane(levels, plane), target);
            return;
        }
        byte* bytes = stackalloc byte[64];
        V.Store(LevelLanes<V>.Plane(levels, plane), bytes);
        new Span<byte>(bytes, channels).CopyTo(new Span<byte>(target, channels));
    }
}
