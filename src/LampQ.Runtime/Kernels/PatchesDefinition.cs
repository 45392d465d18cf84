namespace LampQ.Runtime;

/// <summary>The plain loops that say what <see cref="PatchesOperation"/> computes.</summary>
static unsafe class PatchesDefinition
{
    public static void Run(PatchesOperation operation, float* x, ImageShape shape, byte* y)
    {
        var (batch, channels, height, width) = shape;
        int ph = operation.PatchHeight, pw = operation.PatchWidth;
        for (long image = 0; image < batch; image++)
            for (long top = 0; top + ph <= height; top += ph)
                for (long left = 0; left + pw <= width; left += pw)
                    for (long channel = 0; channel < channels; channel++)
                        for (int row = 0; row < ph; row++)
                            for (int column = 0; column < pw; column++)
                                *y++ = operation.Codes.Quantize(x[((image * channels + channel) * height + top + row) * width + left + column] * operation.Inverse);
    }
}
