using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Scores of a query to the codes of its attention map, on lanes.</summary>
/// <remarks>
/// Behind T scores there is room up to a multiple of 64 and for 16 more, behind T codes up to a multiple of 64. What the codes there are does not matter: V is 0.
/// Passes are methods of their own, small enough for the JIT to inline all of exp, and hand sums to each other in memory.
/// </remarks>
readonly unsafe struct SoftmaxLanes<V>(float scale, int T, int stride, int largestCode, float? mapScale, int mapZeroPoint) where V : struct, IFloats<V>
{
    const int Block = 64;

    readonly CodeRange mapCodes = new(mapZeroPoint, 0, largestCode);
    readonly bool ofRows = mapScale is null;
    readonly float mapScale = mapScale ?? 1;

    /// <summary>Codes without bias: t = float(S − max S)·scale.</summary>
    /// <returns>Σ exp(t).</returns>
    public float Plain(int* scores, byte* map) => Codes<Integers>(scores, LargestScore(scores), map);

    /// <summary>Codes with bias: u = fma(float(S + shift), scale, bias), t = u − max u.</summary>
    /// <param name="scores">T sums.</param>
    /// <param name="shift">What the sums lack.</param>
    /// <param name="bias">T floats.</param>
    /// <param name="tail">Takes 64 floats.</param>
    /// <param name="map">Takes the codes.</param>
    /// <returns>Σ exp(t).</returns>
    public float Biased(int* scores, int shift, float* bias, float* tail, byte* map)
    {
        int whole = T / Block * Block;
        float most = AddBias(scores, shift, bias, whole, float.NegativeInfinity);
        if (whole < T)
        {
            // Whatever sum stands behind the last token, with a bias of −∞ it is neither the largest nor more than 0 after exp.
            for (int i = 0; i < Block; i++)
                tail[i] = whole + i < T ? bias[whole + i] : float.NegativeInfinity;
            most = AddBias(scores + whole, shift, tail, Block, most);
        }
        return Codes<Floats>(scores, BitConverter.SingleToInt32Bits(most), map);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    int LargestScore(int* scores)
    {
        // A score that is there already stands behind the last one: it neither changes the maximum nor leaves the range of exp.
        V first = V.Splat(scores[0]);
        for (int t = T; t < stride; t += 16)
            V.Store(first, scores + t);
        V most0 = first, most1 = first, most2 = first, most3 = first;
        for (int* s = scores, end = scores + stride; s < end; s += Block)
        {
            most0 = V.MaxIntegers(most0, V.Load(s));
            most1 = V.MaxIntegers(most1, V.Load(s + 16));
            most2 = V.MaxIntegers(most2, V.Load(s + 32));
            most3 = V.MaxIntegers(most3, V.Load(s + 48));
        }
        return V.LargestInteger(V.MaxIntegers(V.MaxIntegers(most0, most1), V.MaxIntegers(most2, most3)));
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

    /// <param name="scores">S or u.</param>
    /// <param name="most">The bits of the largest of them.</param>
    /// <param name="map">Takes the codes.</param>
    float Codes<TScores>(int* scores, int most, byte* map) where TScores : struct, IScores
    {
        float* sums = stackalloc float[16];
        V.Store(V.Splat(0f), sums);
        if (ofRows)
        {
            RowCodes<TScores>(scores, most, map, sums);
            if (T % Block != 0)
                LastRowCodes<TScores>(scores, most, map, sums);
            return V.Sum(V.Load(sums));
        }
        Exponentials<TScores>(scores, most, sums);
        float sum = V.Sum(V.Load(sums));
        TensorCodes((float*)scores, 1 / sum / mapScale, map);
        return sum;
    }

    /// <summary>rne(e·(2^bits − 1)), whole blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void RowCodes<TScores>(int* scores, int most, byte* map, float* sums) where TScores : struct, IScores
    {
        V sum = V.Splat(0f), largest = V.Splat((float)largestCode), m = V.Splat(most), factor = V.Splat(scale);
        for (int* end = scores + T / Block * Block; scores < end; scores += Block, map += Block)
        {
            V e0 = Exp(TScores.Below(V.Load(scores), m, factor)), e1 = Exp(TScores.Below(V.Load(scores + 16), m, factor));
            V e2 = Exp(TScores.Below(V.Load(scores + 32), m, factor)), e3 = Exp(TScores.Below(V.Load(scores + 48), m, factor));
            sum = V.Add(V.Add(V.Add(V.Add(sum, e0), e1), e2), e3);
            V.Store(V.Pack(V.Round(V.Multiply(e0, largest)), V.Round(V.Multiply(e1, largest)), V.Round(V.Multiply(e2, largest)), V.Round(V.Multiply(e3, largest))), map);
        }
        V.Store(sum, sums);
    }

    /// <summary>rne(e·(2^bits − 1)) behind whole blocks; 0 behind the last token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void LastRowCodes<TScores>(int* scores, int most, byte* map, float* sums) where TScores : struct, IScores
    {
        V sum = V.Load(sums), largest = V.Splat((float)largestCode), m = V.Splat(most), factor = V.Splat(scale);
        for (int t = T / Block * Block; t < T; t += 16)
        {
            V e = V.KeepFirst(Exp(TScores.Below(V.Load(scores + t), m, factor)), T - t);
            sum = V.Add(sum, e);
            V code = V.Round(V.Multiply(e, largest));
            V.StoreSixteenBytes(V.Pack(code, code, code, code), map + t);
        }
        V.Store(sum, sums);
    }

    /// <summary>Puts e in the place of the scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Exponentials<TScores>(int* scores, int most, float* sums) where TScores : struct, IScores
    {
        V sum = V.Splat(0f), m = V.Splat(most), factor = V.Splat(scale);
        for (int t = 0; t < T; t += 16)
        {
            V e = V.KeepFirst(Exp(TScores.Below(V.Load(scores + t), m, factor)), T - t);
            sum = V.Add(sum, e);
            V.Store(e, scores + t);
        }
        V.Store(sum, sums);
    }

    /// <summary>quantize(e·f) with f = (1/Σe)/map_scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void TensorCodes(float* e, float f, byte* map)
    {
        var to = new CodeLanes<V>(mapCodes);
        V factor = V.Splat(f), zeroPoint = V.Splat(mapCodes.ZeroPoint);
        for (byte* end = map + T; map < end; map += Block, e += Block)
            V.Store(to.Pack(
                to.Round(V.Multiply(V.Load(e), factor), zeroPoint), to.Round(V.Multiply(V.Load(e + 16), factor), zeroPoint),
                to.Round(V.Multiply(V.Load(e + 32), factor), zeroPoint), to.Round(V.Multiply(V.Load(e + 48), factor), zeroPoint)), map);
    }

    /// <summary><see cref="Exponential.Of"/> on lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Exp(V t)
    {
        V magic = V.Splat(Exponential.Magic), z = V.MultiplyAdd(t, V.Splat(Exponential.Log2E), magic), n = V.Subtract(z, magic);
        V f = V.MultiplyAdd(n, V.Splat(Exponential.MinusLn2Low), V.MultiplyAdd(n, V.Splat(Exponential.MinusLn2High), t));
        V p = V.MultiplyAdd(V.Splat(Exponential.C6), f, V.Splat(Exponential.C5));
        p = V.MultiplyAdd(p, f, V.Splat(Exponential.C4));
        p = V.MultiplyAdd(p, f, V.Splat(Exponential.C3));
        p = V.MultiplyAdd(p, f, V.Splat(Exponential.C2));
        p = V.MultiplyAdd(p, f, V.Splat(Exponential.C1));
        p = V.MultiplyAdd(p, f, V.Splat(Exponential.C0));
        return V.KeepWhereAtLeast(V.AddIntegers(p, V.ToExponent(z)), t, V.Splat(Exponential.Lowest));
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
