namespace LampQ.Runtime;

/// <summary>The plain loops that say what <see cref="LayerNormOperation"/> computes.</summary>
static unsafe class LayerNormDefinition
{
    const int Lanes = 32;

    public static void Run(LayerNormOperation operation, in LayerNormRows rows)
    {
        int count = operation.Features;
        for (long row = 0; row < rows.Rows; row++)
        {
            float* x = rows.X + row * count;
            float mean = LanedSum.Of(i => x[i], count, Lanes) / count;
            float variance = LanedSum.Of(i => x[i] - mean, count, Lanes, squares: true) / count;
            float r = 1 / MathF.Sqrt(variance + operation.Epsilon);
            for (int i = 0; i < count; i++)
            {
                float z = MathF.FusedMultiplyAdd((x[i] - mean) * r, operation.Gamma[i], operation.Beta[i]);
                if (operation.Codes is { } codes)
                    rows.Codes[row * count + i] = codes.Quantize(z);
                else
                    rows.Floats[row * count + i] = z;
            }
        }
    }
}
