using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="LayerNormOperation"/> on lanes; tasks are runs of rows.</summary>
readonly unsafe struct LayerNormLanes<V>(LayerNormOperation operation, LayerNormRows rows, long rowsPerTask) : IWork where V : struct, IFloats<V>
{
    /// <summary>Rows below which a task costs less than handing it to a thread.</summary>
    const int FewestRows = 16;

    /// <summary>Two vectors: the lanes of the sums.</summary>
    const int Step = 32;

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
        float* tail = stackalloc float[Step];
        long end = Math.Min(rows.Rows, (task + 1) * rowsPerTask);
        for (long row = task * rowsPerTask; row < end; row++)
        {
            float* x = rows.X + row * D;
            // What is left behind whole steps, then zeros: lanes start from +0, so adding these changes nothing.
            if (D % Step != 0)
                for (int i = 0, whole = D / Step * Step; i < Step; i++)
                    tail[i] = whole + i < D ? x[whole + i] : 0;
            float mean = Sum(x, tail) / D, variance = SumOfSquares(x, tail, mean) / D, r = 1 / MathF.Sqrt(variance + epsilon);
            if (codes is { } range)
                Codes(x, mean, r, range, rows.Codes + row * D);
            else
                Floats(x, mean, r, rows.Floats + row * D);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    float Sum(float* x, float* tail)
    {
        V even = V.Splat(0f), odd = even;
        float* end = x + D / Step * Step;
        for (; x < end; x += Step)
        {
            even = V.Add(even, V.Load(x));
            odd = V.Add(odd, V.Load(x + 16));
        }
        if (D % Step != 0)
        {
            even = V.Add(even, V.Load(tail));
            odd = V.Add(odd, V.Load(tail + 16));
        }
        return V.Sum(V.Add(even, odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    float SumOfSquares(float* x, float* tail, float mean)
    {
        V m = V.Splat(mean), even = V.Splat(0f), odd = even;
        float* end = x + D / Step * Step;
        for (; x < end; x += Step)
        {
            V d = V.Subtract(V.Load(x), m), e = V.Subtract(V.Load(x + 16), m);
            even = V.MultiplyAdd(d, d, even);
            odd = V.MultiplyAdd(e, e, odd);
        }
        if (D % Step != 0)
        {
            V d = V.KeepFirst(V.Subtract(V.Load(tail), m), D % Step), e = V.KeepFirst(V.Subtract(V.Load(tail + 16), m), D % Step - 16);
            even = V.MultiplyAdd(d, d, even);
            odd = V.MultiplyAdd(e, e, odd);
        }
        return V.Sum(V.Add(even, odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Codes(float* x, float mean, float r, CodeRange range, byte* y)
    {
        var to = new CodeLanes<V>(range);
        V m = V.Splat(mean), s = V.Splat(r), zeroPoint = V.Splat(range.ZeroPoint);
        float* g = gamma, b = beta, end = x + D / 64 * 64;
        for (; x < end; x += 64, g += 64, b += 64, y += 64)
            V.Store(to.Pack(
                to.Round(Normalized(V.Load(x), m, s, g, b), zeroPoint), to.Round(Normalized(V.Load(x + 16), m, s, g + 16, b + 16), zeroPoint),
                to.Round(Normalized(V.Load(x + 32), m, s, g + 32, b + 32), zeroPoint), to.Round(Normalized(V.Load(x + 48), m, s, g + 48, b + 48), zeroPoint)), y);
        if (D % 64 != 0)
            LastCodes(x, mean, r, range, y);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void LastCodes(float* x, float mean, float r, CodeRange range, byte* y)
    {
        var to = new CodeLanes<V>(range);
        for (int i = 0, first = D / 64 * 64, count = D - first; i < count; i += 16)
        {
            V v = i + 16 <= count ? V.Load(x + i) : LanesTail<V>.Load(x + i, count - i);
            V z = Normalized(v, V.Splat(mean), V.Splat(r), gamma + first + i, beta + first + i);
            LanesTail<V>.StoreCodes(to, to.Round(z, V.Splat(range.ZeroPoint)), y + i, count - i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Floats(float* x, float mean, float r, float* y)
    {
        V m = V.Splat(mean), s = V.Splat(r);
        float* g = gamma, b = beta, end = x + D / 16 * 16;
        for (; x < end; x += 16, g += 16, b += 16, y += 16)
            V.Store(Normalized(V.Load(x), m, s, g, b), y);
        if (D % 16 != 0)
            LastFloats(x, mean, r, y);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void LastFloats(float* x, float mean, float r, float* y)
    {
        int first = D / 16 * 16;
        LanesTail<V>.Store(Normalized(LanesTail<V>.Load(x, D - first), V.Splat(mean), V.Splat(r), gamma + first, beta + first), y, D - first);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Normalized(V x, V mean, V r, float* gamma, float* beta) => V.MultiplyAdd(V.Multiply(V.Subtract(x, mean), r), V.Load(gamma), V.Load(beta));
}
