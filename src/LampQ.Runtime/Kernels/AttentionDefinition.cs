namespace LampQ.Runtime;

/// <summary>The plain loops that say what <see cref="AttentionOperation"/> computes.</summary>
static unsafe class AttentionDefinition
{
    const int Lanes = 16;

    public static void Run(AttentionOperation operation, in AttentionInputs inputs, byte* codes, float* floats)
    {
        var d = operation.Description;
        var scores = new int[inputs.Tokens];
        for (long batch = 0; batch < inputs.Batch; batch++)
            for (int head = 0; head < d.Heads; head++)
                for (long query = 0; query < inputs.QueryTokens; query++)
                {
                    byte* q = inputs.Q + (batch * inputs.QueryTokens + query) * inputs.QColumns + d.QOffset + head * d.HeadSize;
                    byte* k = inputs.K + batch * inputs.Tokens * inputs.KColumns + d.KOffset + head * d.HeadSize;
                    byte* v = inputs.V + batch * inputs.Tokens * inputs.VColumns + d.VOffset + head * d.HeadSize;
                    for (int t = 0; t < scores.Length; t++)
                    {
                        scores[t] = 0;
                        for (int c = 0; c < d.HeadSize; c++)
                            scores[t] += (q[c] - d.QZeroPoint) * (k[t * inputs.KColumns + c] - d.KZeroPoint);
                    }
                    float* bias = inputs.BiasOf(batch, head);
                    var e = Exponentials(scores, d.ScoreScaleOf(head), bias == null ? null : bias + query * inputs.Tokens);
                    float sum = LanedSum.Of(t => e[t], e.Length, Lanes);
                    var map = Map(e, sum, operation);
                    float scale = d.MapOfRows ? operation.OutputScale / sum : operation.OutputScale;
                    for (int c = 0; c < d.HeadSize; c++)
                    {
                        float context = 0;
                        for (int plane = operation.MapPlanes - 1; plane >= 0; plane--)
                        {
                            int acc = 0;
                            for (int t = 0; t < scores.Length; t++)
                                acc += ((map[t] >> (8 * plane) & 255) - d.MapZeroPoint) * (v[t * inputs.VColumns + c] - d.VZeroPoint);
                            context = MathF.FusedMultiplyAdd(context, 256, acc);
                        }
                        long at = (batch * inputs.QueryTokens + query) * operation.Columns + head * d.HeadSize + c;
                        if (d.Scale is null)
                            floats[at] = context * scale;
                        else
                            codes[at] = d.Codes.Quantize(context * scale);
                    }
                }
    }

    /// <summary>exp of what the scores are below the largest; a bias that is NaN is never the largest.</summary>
    static float[] Exponentials(int[] scores, float scale, float* bias)
    {
        if (bias == null)
        {
            int largest = scores.Max();
            return [.. scores.Select(s => Exponential.Of((s - largest) * scale))];
        }
        var u = new float[scores.Length];
        float most = float.NegativeInfinity;
        for (int t = 0; t < u.Length; t++)
        {
            u[t] = MathF.FusedMultiplyAdd(scores[t], scale, bias[t]);
            most = u[t] > most ? u[t] : most;
        }
        return [.. u.Select(x => Exponential.Of(x - most))];
    }

    static int[] Map(float[] e, float sum, AttentionOperation operation)
    {
        var d = operation.Description;
        if (d.MapTable is { } table)
            return [.. e.Select(x => table.Of(d.MapOfRows ? x : x * (1 / sum)))];
        var codes = new CodeRange(d.MapZeroPoint, 0, operation.LargestMapCode);
        float factor = d.MapScale is { } scale ? 1 / sum / scale : operation.LargestMapCode;
        return [.. e.Select(x => (int)codes.Quantize(x * factor))];
    }
}
