using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Reads and writes up to 16 lanes, and nothing behind them.</summary>
/// <remarks>Vectors do not survive a call in registers, so loops over whole vectors keep clear of these.</remarks>
static unsafe class LanesTail<V> where V : struct, IFloats<V>
{
    /// <summary>The first <paramref name="count"/> floats, then zeros.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static V Load(float* source, int count)
    {
        float* lanes = stackalloc float[16];
        for (int i = 0; i < 16; i++)
            lanes[i] = i < count ? source[i] : 0;
        return V.Load(lanes);
    }

    /// <summary>The first <paramref name="count"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Store(V value, float* target, int count)
    {
        float* lanes = stackalloc float[16];
        V.Store(value, lanes);
        for (int i = 0; i < Math.Min(16, count); i++)
            target[i] = lanes[i];
    }

    /// <summary>The first <paramref name="count"/> codes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StoreCodes(CodeLanes<V> codes, V value, byte* target, int count)
    {
        byte* lanes = stackalloc byte[16];
        V.StoreSixteenBytes(codes.Pack(value, value, value, value), count >= 16 ? target : lanes);
        for (int i = 0; i < count && count < 16; i++)
            target[i] = lanes[i];
    }
}
