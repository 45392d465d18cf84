using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>AVX-512 without VNNI: weights of up to 6 bits are summed in 16 bits, wider ones as in <see cref="Avx2"/>.</summary>
    public static DotKernel Avx512S16 { get; } = new Avx512S16Kernel();

    sealed class Avx512S16Kernel : DotKernel
    {
        public override string Name => "avx512-s16";

        public override bool IsSupported => Avx512BW.IsSupported;

        public override void Run(DotTile* tile) => ShortSums.Run<Avx512Lanes, Avx512Dot, Avx512WideDot, Vector512<byte>>(tile);
    }

    struct Avx512Lanes : IShortLanes<Vector512<byte>>
    {
        public static int Width => 16;

        public static Vector512<byte> Load(void* from) => Vector512.Load((byte*)from);

        public static void Store(void* to, Vector512<byte> vector) => vector.Store((byte*)to);

        public static Vector512<byte> Repeat(byte* group) => Vector512.Create(Unsafe.ReadUnaligned<int>(group)).AsByte();

        public static Vector512<byte> AddPairs(Vector512<byte> sums, Vector512<byte> x, Vector512<byte> w) =>
            (sums.AsInt16() + Avx512BW.MultiplyAddAdjacent(x, w.AsSByte())).AsByte();

        public static Vector512<byte> Widen(Vector512<byte> sums, Vector512<byte> shorts) =>
            (sums.AsInt32() + Avx512BW.MultiplyAddAdjacent(shorts.AsInt16(), Vector512<short>.One)).AsByte();
    }

    struct Avx512Dot : IDot<Vector512<byte>>
    {
        public static int Width => Avx512Lanes.Width;

        public static Vector512<byte> Load(void* from) => Avx512Lanes.Load(from);

        public static void Store(void* to, Vector512<byte> vector) => Avx512Lanes.Store(to, vector);

        public static Vector512<byte> Repeat(byte* group) => Avx512Lanes.Repeat(group);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<byte> Dot(Vector512<byte> sums, Vector512<byte> x, Vector512<byte> w) =>
            Avx512Lanes.Widen(sums, Avx512BW.MultiplyAddAdjacent(x, w.AsSByte()).AsByte());
    }

    struct Avx512WideDot : IDot<Vector512<byte>>
    {
        public static int Width => Avx512Lanes.Width;

        public static Vector512<byte> Load(void* from) => Avx512Lanes.Load(from);

        public static void Store(void* to, Vector512<byte> vector) => Avx512Lanes.Store(to, vector);

        public static Vector512<byte> Repeat(byte* group) => Avx512Lanes.Repeat(group);

        // As on 256 bits: even and odd bytes widened in place.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<byte> Dot(Vector512<byte> sums, Vector512<byte> x, Vector512<byte> w)
        {
            var even = Avx512BW.MultiplyAddAdjacent(x.AsInt16() & Vector512.Create((short)255), w.AsInt16() << 8 >> 8);
            var odd = Avx512BW.MultiplyAddAdjacent(x.AsInt16() >>> 8, w.AsInt16() >> 8);
            return (sums.AsInt32() + even + odd).AsByte();
        }
    }
}
