using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Reads and writes less than 16 lanes, and nothing behind them.</summary>
static unsafe class LanesTail<V> where V : struct, IFloats<V>
{
    /// <summary>The first <paramref name="count"/> floats, then zeros.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static V Load(float* source, int count)
    {
        float* lanes = stackalloc float[16];
        for (int i = 0; i < count; i++)
            lanes[i] = source[i];
        return V.Load(lanes);
    }

    /// <summary>The first <paramref name="count"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Store(V value, float* target, int count)
    {
        float* lanes = stackalloc float[16];
        V.Store(value, lanes);
        for (int i = 0; i < count; i++)
            target[i] = lanes[i];
    }

    /// <summary>The first <paramref name="count"/> bytes of four packed vectors.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StoreBytes(V bytes, byte* target, int count)
    {
        byte* lanes = stackalloc byte[64];
        V.Store(bytes, lanes);
        for (int i = 0; i < count; i++)
            target[i] = lanes[i];
    }
}
