using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary>Two vectors as one of twice the lanes.</summary>
readonly unsafe struct Twice<T>(T low, T high) : IFloats<Twice<T>> where T : struct, IFloats<T>
{
    readonly T low = low, high = high;

    public static bool IsSupported => T.IsSupported;

    public static int Count => 2 * T.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Splat(float value) => new(T.Splat(value), T.Splat(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Splat(int value) => new(T.Splat(value), T.Splat(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Load(void* source) => new(T.Load(source), T.Load((float*)source + T.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Twice<T> value, void* target)
    {
        T.Store(value.low, target);
        T.Store(value.high, (float*)target + T.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Add(Twice<T> a, Twice<T> b) => new(T.Add(a.low, b.low), T.Add(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Subtract(Twice<T> a, Twice<T> b) => new(T.Subtract(a.low, b.low), T.Subtract(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Multiply(Twice<T> a, Twice<T> b) => new(T.Multiply(a.low, b.low), T.Multiply(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> MultiplyAdd(Twice<T> a, Twice<T> b, Twice<T> c) => new(T.MultiplyAdd(a.low, b.low, c.low), T.MultiplyAdd(a.high, b.high, c.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Max(Twice<T> a, Twice<T> b) => new(T.Max(a.low, b.low), T.Max(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Min(Twice<T> a, Twice<T> b) => new(T.Min(a.low, b.low), T.Min(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Absolute(Twice<T> a) => new(T.Absolute(a.low), T.Absolute(a.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> KeepWhereAtLeast(Twice<T> value, Twice<T> t, Twice<T> limit) =>
        new(T.KeepWhereAtLeast(value.low, t.low, limit.low), T.KeepWhereAtLeast(value.high, t.high, limit.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> WhereAtLeast(Twice<T> t, Twice<T> limit, Twice<T> then, Twice<T> otherwise) =>
        new(T.WhereAtLeast(t.low, limit.low, then.low, otherwise.low), T.WhereAtLeast(t.high, limit.high, then.high, otherwise.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> ByteOf(Twice<T> value, int index) => new(T.ByteOf(value.low, index), T.ByteOf(value.high, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> KeepFirst(Twice<T> value, int count) => new(T.KeepFirst(value.low, count), T.KeepFirst(value.high, count - T.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Twice<T> value) => T.Sum(T.Add(value.low, value.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Twice<T> value) => T.Largest(T.Max(value.low, value.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> AddIntegers(Twice<T> a, Twice<T> b) => new(T.AddIntegers(a.low, b.low), T.AddIntegers(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> SubtractIntegers(Twice<T> a, Twice<T> b) => new(T.SubtractIntegers(a.low, b.low), T.SubtractIntegers(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> MaxIntegers(Twice<T> a, Twice<T> b) => new(T.MaxIntegers(a.low, b.low), T.MaxIntegers(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumIntegers(Twice<T> value) => T.SumIntegers(T.AddIntegers(value.low, value.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LargestInteger(Twice<T> value) => T.LargestInteger(T.MaxIntegers(value.low, value.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> ToExponent(Twice<T> a) => new(T.ToExponent(a.low), T.ToExponent(a.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> ToFloats(Twice<T> a) => new(T.ToFloats(a.low), T.ToFloats(a.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Round(Twice<T> a) => new(T.Round(a.low), T.Round(a.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Truncate(Twice<T> a) => new(T.Truncate(a.low), T.Truncate(a.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Lookup(Twice<T> index, Twice<T> low, Twice<T> high, float* table) =>
        new(T.Lookup(index.low, low.low, high.low, table), T.Lookup(index.high, low.high, high.high, table));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Pack(Twice<T> a, Twice<T> b, Twice<T> c, Twice<T> d) =>
        new(T.Pack(a.low, a.high, b.low, b.high), T.Pack(c.low, c.high, d.low, d.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSixteenBytes(Twice<T> value, byte* target) => T.StoreSixteenBytes(value.low, target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> MaxBytes(Twice<T> a, Twice<T> b) => new(T.MaxBytes(a.low, b.low), T.MaxBytes(a.high, b.high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> MinBytes(Twice<T> a, Twice<T> b) => new(T.MinBytes(a.low, b.low), T.MinBytes(a.high, b.high));
}
