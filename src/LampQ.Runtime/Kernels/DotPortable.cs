using System.Numerics;
using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

abstract unsafe partial class DotKernel
{
    /// <summary>Vector&lt;T&gt;, on every CPU.</summary>
    public static DotKernel Portable { get; } = new PortableKernel();

    sealed class PortableKernel : DotKernel
    {
        public override string Name => "portable";

        public override bool IsSupported => true;

        public override void Run(DotTile* tile) => DotLoop.Run<PortableDot, Vector<byte>>(tile);
    }

    struct PortableDot : IDot<Vector<byte>>
    {
        public static int Width => Vector<int>.Count;

        public static Vector<byte> Load(void* from) => Unsafe.ReadUnaligned<Vector<byte>>(from);

        public static void Store(void* to, Vector<byte> vector) => Unsafe.WriteUnaligned(to, vector);

        public static Vector<byte> Repeat(byte* group) => Vector.AsVectorByte(new Vector<int>(Unsafe.ReadUnaligned<int>(group)));

        // Vector<T> multiplies lanes of one width only, so each of the 4 products is an int32 multiplication.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<byte> Dot(Vector<byte> sums, Vector<byte> x, Vector<byte> w)
        {
            Vector<int> wi = Vector.AsVectorInt32(w), low = new(255);
            var xi = Vector.AsVectorUInt32(x);
            var products = (Vector.AsVectorInt32(xi) & low) * Vector.ShiftRightArithmetic(Vector.ShiftLeft(wi, 24), 24)
                + (Vector.AsVectorInt32(Vector.ShiftRightLogical(xi, 8)) & low) * Vector.ShiftRightArithmetic(Vector.ShiftLeft(wi, 16), 24)
                + (Vector.AsVectorInt32(Vector.ShiftRightLogical(xi, 16)) & low) * Vector.ShiftRightArithmetic(Vector.ShiftLeft(wi, 8), 24)
                + Vector.AsVectorInt32(Vector.ShiftRightLogical(xi, 24)) * Vector.ShiftRightArithmetic(wi, 24);
            return Vector.AsVectorByte(Vector.AsVectorInt32(sums) + products);
        }
    }
}
