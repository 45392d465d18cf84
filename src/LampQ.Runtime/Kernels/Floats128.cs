using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

/// <summary>4 lanes of any CPU.</summary>
readonly unsafe struct Floats128(Vector128<float> value) : IFloats<Floats128>
{
    readonly Vector128<float> value = value;

    public static bool IsSupported => true;

    public static int Count => 4;

    Vector128<int> Integers { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => value.AsInt32(); }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Floats128 Of(Vector128<int> integers) => new(integers.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Splat(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Splat(int value) => Of(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Load(void* source) => new(Vector128.Load((float*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Floats128 value, void* target) => value.value.Store((float*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Add(Floats128 a, Floats128 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Subtract(Floats128 a, Floats128 b) => new(a.value - b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Multiply(Floats128 a, Floats128 b) => new(a.value * b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MultiplyAdd(Floats128 a, Floats128 b, Floats128 c) => new(Vector128.FusedMultiplyAdd(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Max(Floats128 a, Floats128 b) =>
        new(Sse.IsSupported ? Sse.Max(a.value, b.value) : Vector128.ConditionalSelect(Vector128.GreaterThan(a.value, b.value), a.value, b.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Min(Floats128 a, Floats128 b) =>
        new(Sse.IsSupported ? Sse.Min(a.value, b.value) : Vector128.ConditionalSelect(Vector128.LessThan(a.value, b.value), a.value, b.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Absolute(Floats128 a) => new(Vector128.Abs(a.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 KeepWhereAtLeast(Floats128 value, Floats128 t, Floats128 limit) =>
        new(Vector128.GreaterThanOrEqual(t.value, limit.value) & value.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 WhereAtLeast(Floats128 t, Floats128 limit, Floats128 then, Floats128 otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(t.value, limit.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 ByteOf(Floats128 value, int index) => Of((value.Integers >>> (8 * index)) & Vector128.Create(255));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 KeepFirst(Floats128 value, int count) => Of(Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(count)) & value.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats128 value)
    {
        var v = value.value;
        v += Vector128.Shuffle(v, Vector128.Create(2, 3, 0, 1));
        return v.ToScalar() + v.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Floats128 value)
    {
        var v = Max(value, new(Vector128.Shuffle(value.value, Vector128.Create(2, 3, 0, 1))));
        return Max(v, new(Vector128.Shuffle(v.value, Vector128.Create(1, 0, 3, 2)))).value.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 AddIntegers(Floats128 a, Floats128 b) => Of(a.Integers + b.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 SubtractIntegers(Floats128 a, Floats128 b) => Of(a.Integers - b.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MaxIntegers(Floats128 a, Floats128 b) => Of(Vector128.Max(a.Integers, b.Integers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumIntegers(Floats128 value) => Vector128.Sum(value.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LargestInteger(Floats128 value)
    {
        var v = Vector128.Max(value.Integers, Vector128.Shuffle(value.Integers, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(v, Vector128.Shuffle(v, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 ToExponent(Floats128 a) => Of(a.Integers << 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 ToFloats(Floats128 a) => new(Vector128.ConvertToSingle(a.Integers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Round(Floats128 a)
    {
        if (Sse2.IsSupported)
            return Of(Sse2.ConvertToVector128Int32(a.value));
        // Elsewhere NaN becomes 0.
        var rounded = Vector128.ConvertToInt32(Vector128.Round(a.value));
        return Of(Vector128.ConditionalSelect(Vector128.Equals(a.value, a.value).AsInt32(), rounded, Vector128.Create(int.MinValue)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Truncate(Floats128 a) => Of(Vector128.ConvertToInt32Native(a.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Lookup(Floats128 index, Floats128 low, Floats128 high, float* table)
    {
        var i = index.Integers;
        return new(Vector128.Create(table[i.ToScalar()], table[i.GetElement(1)], table[i.GetElement(2)], table[i.GetElement(3)]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Pack(Floats128 a, Floats128 b, Floats128 c, Floats128 d)
    {
        if (Sse2.IsSupported)
            return new(Sse2.PackUnsignedSaturate(Sse2.PackSignedSaturate(a.Integers, b.Integers), Sse2.PackSignedSaturate(c.Integers, d.Integers)).AsSingle());
        if (AdvSimd.IsSupported)
        {
            var low = AdvSimd.ExtractNarrowingSaturateUpper(AdvSimd.ExtractNarrowingSaturateLower(a.Integers), b.Integers);
            var high = AdvSimd.ExtractNarrowingSaturateUpper(AdvSimd.ExtractNarrowingSaturateLower(c.Integers), d.Integers);
            return new(AdvSimd.ExtractNarrowingSaturateUnsignedUpper(AdvSimd.ExtractNarrowingSaturateUnsignedLower(low), high).AsSingle());
        }
        return new(Vector128.Narrow(Vector128.Narrow(Bytes(a), Bytes(b)), Vector128.Narrow(Bytes(c), Bytes(d))).AsSingle());

        static Vector128<uint> Bytes(Floats128 x) => Vector128.Min(Vector128.Max(x.Integers, Vector128<int>.Zero), Vector128.Create(255)).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSixteenBytes(Floats128 value, byte* target) => value.value.AsByte().Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MaxBytes(Floats128 a, Floats128 b) => new(Vector128.Max(a.value.AsByte(), b.value.AsByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MinBytes(Floats128 a, Floats128 b) => new(Vector128.Min(a.value.AsByte(), b.value.AsByte()).AsSingle());
}
