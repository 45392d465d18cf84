using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="LayerNormOperation"/> on lanes; tasks are runs of rows.</summary>
readonly unsafe struct LayerNormLanes<V>(LayerNormOperation operation, LayerNormRows rows, long rowsPerTask) : IWork where V : struct, IFloats<V>
{
    /// <summary>Rows below which a task costs less than handing it to a thread.</summary>
    const int FewestRows = 16;

    readonly float* gamma = operation.Gamma.Pointer, beta = operation.Beta.Pointer;
    readonly CodeRange? codes = operation.Codes;
    readonly int D = operation.Features;
    readonly float epsilon = operation.Epsilon;

    public static void Run(LayerNormOperation operation, in LayerNormRows rows, Workers workers)
    {
        long rowsPerTask = Pieces.Size(rows.Rows, FewestRows, workers);
        var work = new LayerNormLanes<V>(operation, rows, rowsPerTask);
        workers.For(Pieces.Count(rows.Rows, rowsPerTask), ref work);
    }

    public void Do(int task)
    {
        long end = Math.Min(rows.Rows, (task + 1) * rowsPerTask);
        for (long row = task * rowsPerTask; row < end; row++)
        {
            float* x = rows.X + row * D;
            var (mean, r) = Statistics(x);
            if (codes is { } range)
                Codes(x, mean, r, range, rows.Codes + row * D);
            else
                Floats(x, mean, r, rows.Floats + row * D);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    (float Mean, float R) Statistics(float* x)
    {
        int i = 0;
        V even = V.Splat(0f), odd = even;
        for (; i + 32 <= D; i += 32)
        {
            even = V.Add(even, V.Load(x + i));
            odd = V.Add(odd, V.Load(x + i + 16));
        }
        // Lanes start from +0, so adding the zeros behind the row changes nothing.
        if (i < D)
            even = V.Add(even, Load(x, i));
        if (i + 16 < D)
            odd = V.Add(odd, Load(x, i + 16));
        float mean = V.Sum(V.Add(even, odd)) / D;

        V m = V.Splat(mean);
        even = odd = V.Splat(0f);
        for (i = 0; i + 32 <= D; i += 32)
        {
            V d = V.Subtract(V.Load(x + i), m), e = V.Subtract(V.Load(x + i + 16), m);
            even = V.MultiplyAdd(d, d, even);
            odd = V.MultiplyAdd(e, e, odd);
        }
        if (i < D)
        {
            V d = V.KeepFirst(V.Subtract(Load(x, i), m), D - i);
            even = V.MultiplyAdd(d, d, even);
        }
        if (i + 16 < D)
        {
            V e = V.KeepFirst(V.Subtract(Load(x, i + 16), m), D - i - 16);
            odd = V.MultiplyAdd(e, e, odd);
        }
        float variance = V.Sum(V.Add(even, odd)) / D;
        return (mean, 1 / MathF.Sqrt(variance + epsilon));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Codes(float* x, float mean, float r, CodeRange range, byte* y)
    {
        var to = new CodeLanes<V>(range);
        V m = V.Splat(mean), s = V.Splat(r), zeroPoint = V.Splat(range.ZeroPoint);
        int i = 0;
        for (; i + 64 <= D; i += 64)
            V.Store(to.Pack(
                to.Round(Normalized(V.Load(x + i), m, s, i), zeroPoint), to.Round(Normalized(V.Load(x + i + 16), m, s, i + 16), zeroPoint),
                to.Round(Normalized(V.Load(x + i + 32), m, s, i + 32), zeroPoint), to.Round(Normalized(V.Load(x + i + 48), m, s, i + 48), zeroPoint)), y + i);
        for (; i < D; i += 16)
        {
            V code = to.Round(Normalized(Load(x, i), m, s, i), zeroPoint);
            LanesTail<V>.StoreBytes(to.Pack(code, code, code, code), y + i, Math.Min(16, D - i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Floats(float* x, float mean, float r, float* y)
    {
        V m = V.Splat(mean), s = V.Splat(r);
        int i = 0;
        for (; i + 16 <= D; i += 16)
            V.Store(Normalized(V.Load(x + i), m, s, i), y + i);
        if (i < D)
            LanesTail<V>.Store(Normalized(Load(x, i), m, s, i), y + i, D - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    V Normalized(V x, V mean, V r, int i) => V.MultiplyAdd(V.Multiply(V.Subtract(x, mean), r), V.Load(gamma + i), V.Load(beta + i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    V Load(float* x, int i) => i + 16 <= D ? V.Load(x + i) : LanesTail<V>.Load(x + i, D - i);
}
