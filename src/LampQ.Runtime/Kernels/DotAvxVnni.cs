using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>The 4-way dot product of AVX-VNNI on 256 bits.</summary>
    public static DotKernel AvxVnni { get; } = new AvxVnniKernel();

    sealed class AvxVnniKernel : DotKernel
    {
        public override string Name => "avx-vnni";

        public override bool IsSupported => System.Runtime.Intrinsics.X86.AvxVnni.IsSupported;

        public override void Run(DotTile* tile) => DotLoop.Run<AvxVnniDot, Vector256<byte>>(tile);
    }

    struct AvxVnniDot : IDot<Vector256<byte>>
    {
        public static int Width => 8;

        public static Vector256<byte> Load(void* from) => Vector256.Load((byte*)from);

        public static void Store(void* to, Vector256<byte> vector) => vector.Store((byte*)to);

        public static Vector256<byte> Repeat(byte* group) => Vector256.Create(Unsafe.ReadUnaligned<int>(group)).AsByte();

        public static Vector256<byte> Dot(Vector256<byte> sums, Vector256<byte> x, Vector256<byte> w) =>
            System.Runtime.Intrinsics.X86.AvxVnni.MultiplyWideningAndAdd(sums.AsInt32(), x, w.AsSByte()).AsByte();
    }
}
