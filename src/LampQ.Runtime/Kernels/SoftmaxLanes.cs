using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Scores of a query to the codes of its attention map, on lanes.</summary>
/// <remarks>
/// Behind T scores there is room up to a multiple of 64 and for 16 more, behind T codes up to a multiple of 64. What the codes there are does not matter: V is 0.
/// Passes are methods of their own with one exp each: with four, the JIT stops inlining, and that costs ten times what unrolling brings.
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
        float sum = Exponentials<TScores>(scores, most);
        PackCodes((float*)scores, ofRows ? largestCode : 1 / sum / mapScale, map);
        return sum;
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
