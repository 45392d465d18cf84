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

    public void Do(int task)
    {
        long down = shape.Height / ph, across = shape.Width / pw, patchSize = shape.Channels * ph * pw;
        long image = task / down, top = task % down * ph;
        byte* patches = y + task * across * patchSize;
        for (long channel = 0; channel < shape.Channels; channel++)
            for (int row = 0; row < ph; row++)
            {
                float* source = x + ((image * shape.Channels + channel) * shape.Height + top + row) * shape.Width;
                byte* target = patches + (channel * ph + row) * pw;
                Row(source, target, across, patchSize);
            }
    }

    /// <summary>One row of pixels of neighbouring patches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Row(float* source, byte* target, long patches, long patchSize)
    {
        var to = new CodeLanes<V>(codes);
        V factor = V.Splat(inverse), zeroPoint = V.Splat(codes.ZeroPoint);
        int whole = pw / 16 * 16;
        byte* y = target;
        float* end = source + patches * pw;
        for (float* x = source; x < end; x += pw, y += patchSize)
        {
            for (int i = 0; i < whole; i += 16)
            {
                V code = to.Round(V.Multiply(V.Load(x + i), factor), zeroPoint);
                V.StoreSixteenBytes(to.Pack(code, code, code, code), y + i);
            }
        }
        if (whole < pw)
            LastColumns(source + whole, target + whole, patches, patchSize, pw - whole);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void LastColumns(float* source, byte* target, long patches, long patchSize, int columns)
    {
        var to = new CodeLanes<V>(codes);
        for (long patch = 0; patch < patches; patch++, source += pw, target += patchSize)
            LanesTail<V>.StoreCodes(to, to.Round(V.Multiply(LanesTail<V>.Load(source, columns), V.Splat(inverse)), V.Splat(codes.ZeroPoint)), target, columns);
    }
}
