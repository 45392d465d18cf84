using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>The 4-way dot product of ARM64 (SDOT).</summary>
    public static DotKernel ArmDp { get; } = new ArmDpKernel();

    sealed class ArmDpKernel : DotKernel
    {
        public override string Name => "arm-dp";

        public override bool IsSupported => Dp.IsSupported;

        public override void Run(DotTile* tile) => SignedDot<Sdot>.Run(tile);
    }

    /// <summary>Adds 4 products of signed bytes to each int32.</summary>
    internal interface ISignedProducts
    {
        static abstract Vector128<int> Add(Vector128<int> sums, Vector128<sbyte> x, Vector128<sbyte> w);
    }

    struct Sdot : ISignedProducts
    {
        public static Vector128<int> Add(Vector128<int> sums, Vector128<sbyte> x, Vector128<sbyte> w) => Dp.DotProduct(sums, x, w);
    }

    /// <summary>The tile loop for CPUs that multiply signed bytes only: x − 128 is signed, and Σ x·w = Σ (x − 128)·w + 128·Σ w.</summary>
    internal static class SignedDot<TProducts> where TProducts : struct, ISignedProducts
    {
        public static void Run(DotTile* tile)
        {
            // Sums wrap around like int32 everywhere, so the detour is exact whenever the result fits.
            int* init = stackalloc int[LampQ.Onnx.PackedWeights.PanelChannels];
            for (int channel = 0; channel < tile->Channels; channel += Vector128<int>.Count)
            {
                var sums = Vector128<int>.Zero;
                for (nint group = 0; group < tile->Groups; group++)
                    sums = TProducts.Add(sums, Vector128<sbyte>.One, Vector128.Load(tile->W + 4 * (group * tile->Channels + channel)));
                (Vector128.Load(tile->Init + channel) + (sums << 7)).Store(init + channel);
            }
            var shifted = *tile;
            shifted.Init = init;
            DotLoop.Run<ShiftedDot, Vector128<byte>>(&shifted);
        }

        struct ShiftedDot : IDot<Vector128<byte>>
        {
            public static int Width => 4;

            public static Vector128<byte> Load(void* from) => Vector128.Load((byte*)from);

            public static void Store(void* to, Vector128<byte> vector) => vector.Store((byte*)to);

            // Flipping the top bit subtracts 128.
            public static Vector128<byte> Repeat(byte* group) => Vector128.Create(Unsafe.ReadUnaligned<uint>(group) ^ 0x80808080).AsByte();

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static Vector128<byte> Dot(Vector128<byte> sums, Vector128<byte> x, Vector128<byte> w) =>
                TProducts.Add(sums.AsInt32(), x.AsSByte(), w.AsSByte()).AsByte();
        }
    }
}
