namespace LampQ.Onnx;

/// <summary>Weights rounded to integers: w = scale·(q − zero point), one scale and zero point a row, −2^(bits−1) ≤ q ≤ 2^(bits−1) − 1.</summary>
/// <param name="Bits">2 to 8.</param>
/// <param name="Rows">N, output channels.</param>
/// <param name="Columns">K, input channels.</param>
/// <param name="Codes">[N, K] row-major integers.</param>
/// <param name="Scales">[N], positive.</param>
/// <param name="ZeroPoints">[N], each a code; null where all are 0.</param>
public sealed record QuantizedWeights(int Bits, int Rows, int Columns, sbyte[] Codes, float[] Scales, sbyte[]? ZeroPoints = null)
{
    /// <summary>q − zero point, [N, K]: what the scales multiply.</summary>
    public float[] Steps()
    {
        float[] steps = Array.ConvertAll(Codes, q => (float)q);
        if (ZeroPoints is not null)
            for (int i = 0; i < steps.Length; i++)
                steps[i] -= ZeroPoints[i / Columns];
        return steps;
    }

    /// <summary>The values the integers stand for, [N, K].</summary>
    public float[] Dequantize()
    {
        float[] values = Steps();
        for (int i = 0; i < values.Length; i++)
            values[i] *= Scales[i / Columns];
        return values;
    }
}
