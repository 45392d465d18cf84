using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>AVX2: VPMADDUBSW where no sum can saturate, VPMADDWD where it could.</summary>
    public static DotKernel Avx2 { get; } = new Avx2Kernel();

    sealed class Avx2Kernel : DotKernel
    {
        public override string Name => "avx2";

        public override bool IsSupported => System.Runtime.Intrinsics.X86.Avx2.IsSupported;

        public override void Run(DotTile* tile) => ShortSums.Run<Avx2Lanes, Avx2Dot, Avx2WideDot, Vector256<byte>>(tile);
    }

    struct Avx2Lanes : IShortLanes<Vector256<byte>>
    {
        public static int Width => 8;

        public static Vector256<byte> Load(void* from) => Vector256.Load((byte*)from);

        public static void Store(void* to, Vector256<byte> vector) => vector.Store((byte*)to);

        public static Vector256<byte> Repeat(byte* group) => Vector256.Create(Unsafe.ReadUnaligned<int>(group)).AsByte();

        public static Vector256<byte> AddPairs(Vector256<byte> sums, Vector256<byte> x, Vector256<byte> w) =>
            (sums.AsInt16() + System.Runtime.Intrinsics.X86.Avx2.MultiplyAddAdjacent(x, w.AsSByte())).AsByte();

        public static Vector256<byte> Widen(Vector256<byte> sums, Vector256<byte> shorts) =>
            (sums.AsInt32() + System.Runtime.Intrinsics.X86.Avx2.MultiplyAddAdjacent(shorts.AsInt16(), Vector256<short>.One)).AsByte();
    }

    struct Avx2Dot : IDot<Vector256<byte>>
    {
        public static int Width => Avx2Lanes.Width;

        public static Vector256<byte> Load(void* from) => Avx2Lanes.Load(from);

        public static void Store(void* to, Vector256<byte> vector) => Avx2Lanes.Store(to, vector);

        public static Vector256<byte> Repeat(byte* group) => Avx2Lanes.Repeat(group);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<byte> Dot(Vector256<byte> sums, Vector256<byte> x, Vector256<byte> w) =>
            Avx2Lanes.Widen(sums, System.Runtime.Intrinsics.X86.Avx2.MultiplyAddAdjacent(x, w.AsSByte()).AsByte());
    }

    struct Avx2WideDot : IDot<Vector256<byte>>
    {
        public static int Width => Avx2Lanes.Width;

        public static Vector256<byte> Load(void* from) => Avx2Lanes.Load(from);

        public static void Store(void* to, Vector256<byte> vector) => Avx2Lanes.Store(to, vector);

        public static Vector256<byte> Repeat(byte* group) => Avx2Lanes.Repeat(group);

        // A short holds an even and an odd byte; each half, widened in place, is an operand of VPMADDWD, which cannot overflow here.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<byte> Dot(Vector256<byte> sums, Vector256<byte> x, Vector256<byte> w)
        {
            var even = System.Runtime.Intrinsics.X86.Avx2.MultiplyAddAdjacent(x.AsInt16() & Vector256.Create((short)255), w.AsInt16() << 8 >> 8);
            var odd = System.Runtime.Intrinsics.X86.Avx2.MultiplyAddAdjacent(x.AsInt16() >>> 8, w.AsInt16() >> 8);
            return (sums.AsInt32() + even + odd).AsByte();
        }
    }
}
