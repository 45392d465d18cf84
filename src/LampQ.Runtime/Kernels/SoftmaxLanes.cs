using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Scores of a query to the codes, or the levels, of its attention map, on lanes.</summary>
/// <remarks>
/// Behind T scores, up to a multiple of 16, is the smallest int; behind that, and behind T codes, is room up to a multiple of 64. What the codes there are does not matter: V is 0.
/// Passes are methods of their own with one exp each: with four, the JIT stops inlining, and that costs ten times what unrolling brings.
/// </remarks>
readonly unsafe struct SoftmaxLanes<V>(AttentionOperation operation, float scale, int T) where V : struct, IFloats<V>
{
    const int Block = 64;

    readonly CodeRange mapCodes = new(operation.Description.MapZeroPoint, 0, operation.LargestMapCode);
    readonly LevelTable? table = operation.Description.MapTable;
    readonly float largestCode = operation.LargestMapCode;
    readonly bool ofRows = operation.Description.MapOfRows;
    readonly float mapScale = operation.Description.MapScale ?? 1;

    /// <summary>Codes without bias: t = float(S − max S)·scale.</summary>
    /// <param name="rows">The queries.</param>
    /// <remarks>Each step is done for all rows before the next one: a row's reductions wait long for each other, and the next row's work fills that time.</remarks>
    public void Plain(in SoftmaxRows rows)
    {
        for (int i = 0; i < rows.Count; i++)
            rows.Most[i] = LargestScore(rows.Scores + i * rows.Stride);
        Codes<Integers>(rows);
    }

    /// <summary>Codes with bias: u = fma(float(S + shift), scale, bias), t = u − max u.</summary>
    /// <param name="rows">The queries.</param>
    /// <param name="shifts">What the sums of each row lack, negated.</param>
    /// <param name="bias">T floats a row.</param>
    /// <param name="tail">Takes 64 floats.</param>
    public void Biased(in SoftmaxRows rows, int* shifts, float* bias, float* tail)
    {
        int whole = T / Block * Block;
        for (int row = 0; row < rows.Count; row++, bias += T)
        {
            int* scores = rows.Scores + row * rows.Stride;
            float most = AddBias(scores, -shifts[row], bias, whole, float.NegativeInfinity);
            if (whole < T)
            {
                // Whatever sum stands behind the last token, with a bias of −∞ it is neither the largest nor more than 0 after exp.
                for (int i = 0; i < Block; i++)
                    tail[i] = whole + i < T ? bias[whole + i] : float.NegativeInfinity;
                most = AddBias(scores + whole, -shifts[row], tail, Block, most);
            }
            rows.Most[row] = BitConverter.SingleToInt32Bits(most);
        }
        Codes<Floats>(rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    int LargestScore(int* scores)
    {
        V most = V.Load(scores);
        for (int* s = scores + 16, end = scores + T; s < end; s += 16)
            most = V.MaxIntegers(most, V.Load(s));
        return V.LargestInteger(most);
    }

    /// <summary>Puts u in the place of the scores.</summary>
    /// <returns>The largest of them and <paramref name="before"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    float AddBias(int* scores, int shift, float* bias, int count, float before)
    {
        V factor = V.Splat(scale), add = V.Splat(shift), most = V.Splat(before);
        for (int i = 0; i < count; i += 16)
        {
            V u = V.MultiplyAdd(V.ToFloats(V.AddIntegers(V.Load(scores + i), add)), factor, V.Load(bias + i));
            most = V.Max(u, most);
            V.Store(u, scores + i);
        }
        return V.Largest(most);
    }

    /// <summary>Codes of S or u.</summary>
    void Codes<TScores>(in SoftmaxRows rows) where TScores : struct, IScores
    {
        for (int i = 0; i < rows.Count; i++)
            rows.Sums[i] = Exponentials<TScores>(rows.Scores + i * rows.Stride, rows.Most[i]);
        if (table is not null)
            PackLevels(rows);
        else
            for (int i = 0; i < rows.Count; i++)
                PackCodes((float*)rows.Scores + i * rows.Stride, ofRows ? largestCode : 1 / rows.Sums[i] / mapScale, rows.Map + i * rows.Stride);
    }

    /// <summary>Puts e in the place of the scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    float Exponentials<TScores>(int* scores, int most) where TScores : struct, IScores
    {
        var exp = new ExpLanes<V>();
        V sum = V.Splat(0f), m = V.Splat(most), factor = V.Splat(scale);
        for (int* end = scores + T / 16 * 16; scores < end; scores += 16)
        {
            V e = exp.Of(TScores.Below(V.Load(scores), m, factor));
            sum = V.Add(sum, e);
            V.Store(e, scores);
        }
        if (T % 16 != 0)
        {
            V e = V.KeepFirst(exp.Of(TScores.Below(V.Load(scores), m, factor)), T % 16);
            sum = V.Add(sum, e);
            V.Store(e, scores);
        }
        return V.Sum(sum);
    }

    /// <summary>quantize(e·f): f is 2^bits − 1, or (1/Σe)/map_scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void PackCodes(float* e, float f, byte* map)
    {
        var to = new CodeLanes<V>(mapCodes);
        V factor = V.Splat(f), zeroPoint = V.Splat(mapCodes.ZeroPoint);
        for (byte* end = map + T; map < end; map += Block, e += Block)
            V.Store(to.Pack(
                to.Round(V.Multiply(V.Load(e), factor), zeroPoint), to.Round(V.Multiply(V.Load(e + 16), factor), zeroPoint),
                to.Round(V.Multiply(V.Load(e + 32), factor), zeroPoint), to.Round(V.Multiply(V.Load(e + 48), factor), zeroPoint)), map);
    }

    /// <summary>Levels of e·f, a byte a plane: f is 1 or 1/Σe, and no e is above 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void PackLevels(in SoftmaxRows rows)
    {
        for (int i = 0; i < rows.Count; i++)
        {
            float* e = (float*)rows.Scores + i * rows.Stride;
            float f = ofRows ? 1 : 1 / rows.Sums[i];
            var levels = new LevelLanes<V>(table!, table!.Reachable(f));
            for (byte* map = rows.Map + i * rows.Stride, end = map + T; map < end; map += Block, e += Block)
            {
                levels.Replace(e, f);
                for (int plane = 0; plane < table.Planes; plane++)
                    V.Store(LevelLanes<V>.Plane((int*)e, plane), map + plane * rows.PlaneStride);
            }
        }
    }

    /// <summary>How far a score is below the largest.</summary>
    interface IScores
    {
        static abstract V Below(V score, V most, V factor);
    }

    readonly struct Integers : IScores
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Below(V score, V most, V factor) => V.Multiply(V.ToFloats(V.SubtractIntegers(score, most)), factor);
    }

    readonly struct Floats : IScores
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Below(V score, V most, V factor) => V.Subtract(score, most);
    }
}

/// <summary>Queries whose attention maps are computed together.</summary>
unsafe struct SoftmaxRows
{
    /// <summary>T sums a row; taken for intermediate values.</summary>
    public int* Scores;

    /// <summary>Takes T codes a row, or T bytes a row and plane.</summary>
    public byte* Map;

    /// <summary>Bytes from one plane of the map to the next.</summary>
    public nint PlaneStride;

    /// <summary>Elements from one row of scores, and of codes, to the next.</summary>
    public nint Stride;

    /// <summary>Rows.</summary>
    public int Count;

    /// <summary>Takes the bits of the largest score of each row.</summary>
    public int* Most;

    /// <summary>Takes Σ exp(t) of each row.</summary>
    public float* Sums;
}
