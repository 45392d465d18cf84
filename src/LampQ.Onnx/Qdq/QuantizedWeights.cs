namespace LampQ.Onnx;

/// <summary>Weights rounded to integers: w = scale·q, one scale a row, −2^(bits−1) ≤ q ≤ 2^(bits−1) − 1.</summary>
/// <param name="Bits">2 to 8.</param>
/// <param name="Rows">N, output channels.</param>
/// <param name="Columns">K, input channels.</param>
/// <param name="Codes">[N, K] row-major integers.</param>
/// <param name="Scales">[N], positive.</param>
public sealed record QuantizedWeights(int Bits, int Rows, int Columns, sbyte[] Codes, float[] Scales)
{
    /// <summary>The values the integers stand for, [N, K].</summary>
    public float[] Dequantize()
    {
        var values = new float[Codes.Length];
        for (int row = 0; row < Rows; row++)
            for (int column = 0; column < Columns; column++)
                values[row * Columns + column] = Scales[row] * Codes[row * Columns + column];
        return values;
    }
}
