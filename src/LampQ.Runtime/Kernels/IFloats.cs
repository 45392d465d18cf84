namespace LampQ.Runtime;

/// <summary>
/// Lanes of 32 bits that are floats or integers as an operation takes them, so that a float kernel is written once and runs on vectors of any width.
/// Every operation is one IEEE operation a lane, the same on every instruction set.
/// </summary>
/// <typeparam name="TSelf">The implementing struct; the JIT compiles a kernel once for each.</typeparam>
unsafe interface IFloats<TSelf> where TSelf : struct, IFloats<TSelf>
{
    /// <summary>Whether this CPU and process can run it.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    static abstract TSelf Splat(float value);

    static abstract TSelf Splat(int value);

    static abstract TSelf Load(void* source);

    static abstract void Store(TSelf value, void* target);

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract TSelf Subtract(TSelf a, TSelf b);

    static abstract TSelf Multiply(TSelf a, TSelf b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>a &gt; b ? a : b, so b where one is NaN.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>a &lt; b ? a : b, so b where one is NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    static abstract TSelf Absolute(TSelf a);

    /// <summary>The value where t ≥ limit, else 0; NaN is not ≥.</summary>
    static abstract TSelf KeepWhereAtLeast(TSelf value, TSelf t, TSelf limit);

    /// <summary>t ≥ limit ? then : otherwise; NaN is not ≥.</summary>
    static abstract TSelf WhereAtLeast(TSelf t, TSelf limit, TSelf then, TSelf otherwise);

    /// <summary>Byte <paramref name="index"/> of the integers, 0 the lowest, as integers.</summary>
    static abstract TSelf ByteOf(TSelf value, int index);

    /// <summary>The value in the first <paramref name="count"/> lanes (any integer), else 0.</summary>
    static abstract TSelf KeepFirst(TSelf value, int count);

    /// <summary>The sum of the lanes, halved until one is left: l and l + Count/2 first.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>The largest lane; no lane is NaN.</summary>
    static abstract float Largest(TSelf value);

    static abstract TSelf AddIntegers(TSelf a, TSelf b);

    static abstract TSelf SubtractIntegers(TSelf a, TSelf b);

    static abstract TSelf MaxIntegers(TSelf a, TSelf b);

    static abstract int SumIntegers(TSelf value);

    static abstract int LargestInteger(TSelf value);

    /// <summary>The integers times 2²³, where the exponent of a float is.</summary>
    static abstract TSelf ToExponent(TSelf a);

    /// <summary>Integers to the nearest floats.</summary>
    static abstract TSelf ToFloats(TSelf a);

    /// <summary>rne(a) as integers for |a| ≤ 2²⁰. Below −2²⁰ and for NaN: something below −2²⁰.</summary>
    static abstract TSelf Round(TSelf a);

    /// <summary>⌊a⌋ as integers, for 0 ≤ a &lt; 2³¹.</summary>
    static abstract TSelf Truncate(TSelf a);

    /// <summary>table[index] for 0 ≤ index &lt; 32.</summary>
    /// <param name="index">Integers.</param>
    /// <param name="low">The first 16 elements in a vector that has so many lanes; it may stay in a register.</param>
    /// <param name="high">The other 16.</param>
    /// <param name="table">The elements, for vectors that are shorter.</param>
    static abstract TSelf Lookup(TSelf index, TSelf low, TSelf high, float* table);

    /// <summary>The integers of four vectors as bytes, saturated, in order.</summary>
    static abstract TSelf Pack(TSelf a, TSelf b, TSelf c, TSelf d);

    /// <summary>Stores the first 16 bytes.</summary>
    static abstract void StoreSixteenBytes(TSelf value, byte* target);

    static abstract TSelf MaxBytes(TSelf a, TSelf b);

    static abstract TSelf MinBytes(TSelf a, TSelf b);
}
