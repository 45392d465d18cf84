using System.Runtime.CompilerServices;

namespace LampQ.Runtime;

/// <summary><see cref="PatchesOperation"/> on lanes; a task is a row of patches of an image, so that reading and writing stay in one place.</summary>
readonly unsafe struct PatchesLanes<V>(PatchesOperation operation, float* x, ImageShape shape, byte* y) : IWork where V : struct, IFloats<V>
{
    readonly float* x = x;
    readonly byte* y = y;
    readonly CodeRange codes = operation.Codes;
    readonly float inverse = operation.Inverse;
    readonly int ph = operation.PatchHeight, pw = operation.PatchWidth;

    public static void Run(PatchesOperation operation, float* x, ImageShape shape, byte* y, Workers workers)
    {
        var work = new PatchesLanes<V>(operation, x, shape, y);
        workers.For(checked((int)(shape.Batch * (shape.Height / operation.PatchHeight))), ref work);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Do(int task)
    {
        var to = new CodeLanes<V>(codes);
        V factor = V.Splat(inverse), zeroPoint = V.Splat(codes.ZeroPoint);
        long down = shape.Height / ph, across = shape.Width / pw, patchSize = shape.Channels * ph * pw;
        long image = task / down, top = task % down * ph;
        byte* patches = y + task * across * patchSize;
        for (long channel = 0; channel < shape.Channels; channel++)
            for (int row = 0; row < ph; row++)
            {
                float* source = x + ((image * shape.Channels + channel) * shape.Height + top + row) * shape.Width;
                byte* target = patches + (channel * ph + row) * pw;
                for (long patch = 0; patch < across; patch++, source += pw, target += patchSize)
                    for (int i = 0; i < pw; i += 16)
                    {
                        V v = i + 16 <= pw ? V.Load(source + i) : LanesTail<V>.Load(source + i, pw - i);
                        V code = to.Round(V.Multiply(v, factor), zeroPoint);
                        LanesTail<V>.StoreBytes(to.Pack(code, code, code, code), target + i, Math.Min(16, pw - i));
                    }
            }
    }
}
