using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

/// <summary>16 lanes of AVX-512.</summary>
readonly unsafe struct Floats512(Vector512<float> value) : IFloats<Floats512>
{
    readonly Vector512<float> value = value;

    public static bool IsSupported => Avx512F.IsSupported && Avx512BW.IsSupported;

    public static int Count => 16;

    Vector512<int> Integers { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => value.AsInt32(); }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Floats512 Of(Vector512<int> integers) => new(integers.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Splat(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Splat(int value) => Of(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Load(void* source) => new(Vector512.Load((float*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Floats512 value, void* target) => value.value.Store((float*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Add(Floats512 a, Floats512 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Subtract(Floats512 a, Floats512 b) => new(a.value - b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Multiply(Floats512 a, Floats512 b) => new(a.value * b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MultiplyAdd(Floats512 a, Floats512 b, Floats512 c) => new(Avx512F.FusedMultiplyAdd(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Max(Floats512 a, Floats512 b) => new(Avx512F.Max(a.value, b.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Min(Floats512 a, Floats512 b) => new(Avx512F.Min(a.value, b.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Absolute(Floats512 a) => new(Vector512.Abs(a.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 KeepWhereAtLeast(Floats512 value, Floats512 t, Floats512 limit) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(t.value, limit.value), value.value, Vector512<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 WhereAtLeast(Floats512 t, Floats512 limit, Floats512 then, Floats512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(t.value, limit.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 ByteOf(Floats512 value, int index) => Of((value.Integers >>> (8 * index)) & Vector512.Create(255));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 KeepFirst(Floats512 value, int count) =>
        Of(Vector512.ConditionalSelect(Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)), value.Integers, Vector512<int>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats512 value) => Floats256.Sum(new(value.value.GetLower() + value.value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Floats512 value) => Floats256.Largest(Floats256.Max(new(value.value.GetLower()), new(value.value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 AddIntegers(Floats512 a, Floats512 b) => Of(a.Integers + b.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 SubtractIntegers(Floats512 a, Floats512 b) => Of(a.Integers - b.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MaxIntegers(Floats512 a, Floats512 b) => Of(Vector512.Max(a.Integers, b.Integers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumIntegers(Floats512 value) => Vector512.Sum(value.Integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LargestInteger(Floats512 value) => Floats256.LargestInteger(Floats256.MaxIntegers(new(value.value.GetLower()), new(value.value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 ToExponent(Floats512 a) => Of(a.Integers << 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 ToFloats(Floats512 a) => new(Avx512F.ConvertToVector512Single(a.Integers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Round(Floats512 a) => Of(Avx512F.ConvertToVector512Int32(a.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Truncate(Floats512 a) => Of(Avx512F.ConvertToVector512Int32WithTruncation(a.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Lookup(Floats512 index, Floats512 low, Floats512 high, float* table) =>
        new(Avx512F.PermuteVar16x32x2(low.value, index.Integers, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Pack(Floats512 a, Floats512 b, Floats512 c, Floats512 d)
    {
        // Packing works in quarters of a register: dword i of quarter q comes from quarter q of vector i.
        var quarters = Avx512BW.PackUnsignedSaturate(Avx512BW.PackSignedSaturate(a.Integers, b.Integers), Avx512BW.PackSignedSaturate(c.Integers, d.Integers));
        return Of(Avx512F.PermuteVar16x32(quarters.AsInt32(), Vector512.Create(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSixteenBytes(Floats512 value, byte* target) => value.value.AsByte().GetLower().GetLower().Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MaxBytes(Floats512 a, Floats512 b) => new(Avx512BW.Max(a.value.AsByte(), b.value.AsByte()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MinBytes(Floats512 a, Floats512 b) => new(Avx512BW.Min(a.value.AsByte(), b.value.AsByte()).AsSingle());
}
