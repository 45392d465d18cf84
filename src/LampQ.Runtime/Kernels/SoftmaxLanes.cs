using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Scores of a query to the codes of its attention map, on lanes.</summary>
/// <remarks>Behind T scores there is room up to a multiple of 64 and for 16 more, behind T codes up to a multiple of 64. What the codes there are does not matter: V is 0.</remarks>
readonly unsafe struct SoftmaxLanes<V>(float scale, int T, int stride, int largestCode, float? mapScale, int mapZeroPoint) where V : struct, IFloats<V>
{
    /// <summary>Codes without bias: t = float(S − max S)·scale.</summary>
    /// <returns>Σ exp(t).</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float Plain(int* scores, byte* map)
    {
        // A score that is there already stands behind the last one: it neither changes the maximum nor leaves the range of exp.
        for (int t = T; t < stride; t += 16)
            V.Store(V.Splat(scores[0]), scores + t);
        V most0 = V.Load(scores), most1 = most0, most2 = most0, most3 = most0;
        for (int t = 0; t < stride; t += 64)
        {
            most0 = V.MaxIntegers(most0, V.Load(scores + t));
            most1 = V.MaxIntegers(most1, V.Load(scores + t + 16));
            most2 = V.MaxIntegers(most2, V.Load(scores + t + 32));
            most3 = V.MaxIntegers(most3, V.Load(scores + t + 48));
        }
        V most = V.Splat(V.LargestInteger(V.MaxIntegers(V.MaxIntegers(most0, most1), V.MaxIntegers(most2, most3)))), factor = V.Splat(scale);
        return mapScale is null ? RowCodes<Integers>(scores, most, factor, map) : TensorCodes<Integers>(scores, most, factor, map);
    }

    /// <summary>Codes with bias: u = fma(float(S + shift), scale, bias), t = u − max u.</summary>
    /// <param name="scores">T sums.</param>
    /// <param name="shift">What the sums lack.</param>
    /// <param name="bias">T floats.</param>
    /// <param name="tail">Takes 64 floats.</param>
    /// <param name="map">Takes the codes.</param>
    /// <returns>Σ exp(t).</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float Biased(int* scores, int shift, float* bias, float* tail, byte* map)
    {
        V factor = V.Splat(scale), add = V.Splat(shift), most = V.Splat(float.NegativeInfinity);
        // Whatever sum stands behind the last token, with a bias of −∞ it is neither the largest nor more than 0 after exp.
        for (int block = 0; block < T; block += 64)
        {
            float* b = bias + block;
            if (block + 64 > T)
            {
                for (int i = 0; i < 64; i++)
                    tail[i] = block + i < T ? b[i] : float.NegativeInfinity;
                b = tail;
            }
            for (int i = 0; i < 64; i += 16)
            {
                int* s = scores + block + i;
                V u = V.MultiplyAdd(V.ToFloats(V.AddIntegers(V.Load(s), add)), factor, V.Load(b + i));
                most = V.Max(u, most);
                V.Store(u, s);
            }
        }
        most = V.Splat(V.Largest(most));
        return mapScale is null ? RowCodes<Floats>(scores, most, factor, map) : TensorCodes<Floats>(scores, most, factor, map);
    }

    /// <summary>rne(e·(2^bits − 1)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float RowCodes<TScores>(int* scores, V most, V factor, byte* map) where TScores : struct, IScores
    {
        V sum = V.Splat(0f), largest = V.Splat((float)largestCode);
        int t = 0;
        for (; t + 64 <= T; t += 64)
        {
            V e0 = Exp(TScores.Below(V.Load(scores + t), most, factor)), e1 = Exp(TScores.Below(V.Load(scores + t + 16), most, factor));
            V e2 = Exp(TScores.Below(V.Load(scores + t + 32), most, factor)), e3 = Exp(TScores.Below(V.Load(scores + t + 48), most, factor));
            sum = V.Add(V.Add(V.Add(V.Add(sum, e0), e1), e2), e3);
            V.Store(V.Pack(V.Round(V.Multiply(e0, largest)), V.Round(V.Multiply(e1, largest)), V.Round(V.Multiply(e2, largest)), V.Round(V.Multiply(e3, largest))), map + t);
        }
        if (t < T)
        {
            V e0 = Last<TScores>(scores, t, most, factor), e1 = Last<TScores>(scores, t + 16, most, factor);
            V e2 = Last<TScores>(scores, t + 32, most, factor), e3 = Last<TScores>(scores, t + 48, most, factor);
            sum = V.Add(V.Add(V.Add(V.Add(sum, e0), e1), e2), e3);
            V.Store(V.Pack(V.Round(V.Multiply(e0, largest)), V.Round(V.Multiply(e1, largest)), V.Round(V.Multiply(e2, largest)), V.Round(V.Multiply(e3, largest))), map + t);
        }
        return V.Sum(sum);
    }

    /// <summary>exp of 16 scores, 0 behind the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    V Last<TScores>(int* scores, int t, V most, V factor) where TScores : struct, IScores =>
        t < T ? V.KeepFirst(Exp(TScores.Below(V.Load(scores + t), most, factor)), T - t) : V.Splat(0f);

    /// <summary>quantize(e·f) with f = (1/Σe)/map_scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float TensorCodes<TScores>(int* scores, V most, V factor, byte* map) where TScores : struct, IScores
    {
        V lanes = V.Splat(0f);
        for (int t = 0; t < T; t += 16)
        {
            V e = V.KeepFirst(Exp(TScores.Below(V.Load(scores + t), most, factor)), T - t);
            lanes = V.Add(lanes, e);
            V.Store(e, scores + t);
        }
        float sum = V.Sum(lanes);
        V f = V.Splat(1 / sum / mapScale!.Value), zeroPoint = V.Splat(mapZeroPoint);
        var to = new CodeLanes<V>(new CodeRange(mapZeroPoint, 0, largestCode));
        for (int t = 0; t < T; t += 64)
            V.Store(to.Pack(
                to.Round(V.Multiply(V.Load(scores + t), f), zeroPoint), to.Round(V.Multiply(V.Load(scores + t + 16), f), zeroPoint),
                to.Round(V.Multiply(V.Load(scores + t + 32), f), zeroPoint), to.Round(V.Multiply(V.Load(scores + t + 48), f), zeroPoint)), map + t);
        return sum;
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
