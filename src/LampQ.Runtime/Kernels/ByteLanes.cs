using System.Runtime.Intrinsics;

namespace LampQ.Runtime;

/// <summary>What unpacking does with a vector of bytes; shifts are those of 16-bit lanes.</summary>
unsafe interface IByteLanes<TVector>
{
    static abstract TVector Load(byte* from);

    static abstract void Store(byte* to, TVector vector);

    static abstract TVector Repeat(byte value);

    static abstract TVector And(TVector a, TVector b);

    static abstract TVector Or(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector ShiftLeft(TVector a, int count);

    static abstract TVector ShiftRight(TVector a, int count);
}

unsafe struct Lanes128 : IByteLanes<Vector128<byte>>
{
    public static Vector128<byte> Load(byte* from) => Vector128.Load(from);

    public static void Store(byte* to, Vector128<byte> vector) => vector.Store(to);

    public static Vector128<byte> Repeat(byte value) => Vector128.Create(value);

    public static Vector128<byte> And(Vector128<byte> a, Vector128<byte> b) => a & b;

    public static Vector128<byte> Or(Vector128<byte> a, Vector128<byte> b) => a | b;

    public static Vector128<byte> Subtract(Vector128<byte> a, Vector128<byte> b) => a - b;

    public static Vector128<byte> ShiftLeft(Vector128<byte> a, int count) => (a.AsUInt16() << count).AsByte();

    public static Vector128<byte> ShiftRight(Vector128<byte> a, int count) => (a.AsUInt16() >> count).AsByte();
}

unsafe struct Lanes256 : IByteLanes<Vector256<byte>>
{
    public static Vector256<byte> Load(byte* from) => Vector256.Load(from);

    public static void Store(byte* to, Vector256<byte> vector) => vector.Store(to);

    public static Vector256<byte> Repeat(byte value) => Vector256.Create(value);

    public static Vector256<byte> And(Vector256<byte> a, Vector256<byte> b) => a & b;

    public static Vector256<byte> Or(Vector256<byte> a, Vector256<byte> b) => a | b;

    public static Vector256<byte> Subtract(Vector256<byte> a, Vector256<byte> b) => a - b;

    public static Vector256<byte> ShiftLeft(Vector256<byte> a, int count) => (a.AsUInt16() << count).AsByte();

    public static Vector256<byte> ShiftRight(Vector256<byte> a, int count) => (a.AsUInt16() >> count).AsByte();
}

unsafe struct Lanes512 : IByteLanes<Vector512<byte>>
{
    public static Vector512<byte> Load(byte* from) => Vector512.Load(from);

    public static void Store(byte* to, Vector512<byte> vector) => vector.Store(to);

    public static Vector512<byte> Repeat(byte value) => Vector512.Create(value);

    public static Vector512<byte> And(Vector512<byte> a, Vector512<byte> b) => a & b;

    public static Vector512<byte> Or(Vector512<byte> a, Vector512<byte> b) => a | b;

    public static Vector512<byte> Subtract(Vector512<byte> a, Vector512<byte> b) => a - b;

    public static Vector512<byte> ShiftLeft(Vector512<byte> a, int count) => (a.AsUInt16() << count).AsByte();

    public static Vector512<byte> ShiftRight(Vector512<byte> a, int count) => (a.AsUInt16() >> count).AsByte();
}
