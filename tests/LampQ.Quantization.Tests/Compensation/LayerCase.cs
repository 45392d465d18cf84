namespace LampQ.Quantization.Tests;

/// <summary>A layer with correlated inputs, its quantized inputs, and its moments summed by plain loops: what compensation works on, small enough to check by hand.</summary>
sealed class LayerCase
{
    public const int Tokens = 400, Rows = 6, Columns = 24;

    readonly double[][] x = new double[Tokens][], y = new double[Tokens][];

    /// <param name="seed">Seed of everything drawn.</param>
    /// <param name="inputNoise">Size of the difference between what the float layer saw and what the quantized one sees; 0 gives both the same.</param>
    public LayerCase(int seed = 1, double inputNoise = 0)
    {
        var random = new Random(seed);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        Weight = [.. Enumerable.Range(0, Rows * Columns).Select(_ => (float)Normal())];
        Bias = [.. Enumerable.Range(0, Rows).Select(_ => (float)Normal())];
        for (int t = 0; t < Tokens; t++)
        {
            // Four factors behind 24 channels, a mean that is not 0, and channels of different power.
            double[] factors = [Normal(), Normal(), Normal(), Normal()];
            double[] real = [.. Enumerable.Range(0, Columns).Select(k => (factors[k % 4] + 0.3 * Normal() + 0.5) * (1 + k % 3))];
            x[t] = [.. real.Select(v => v + inputNoise * (Normal() + 0.5))];
            y[t] = [.. Enumerable.Range(0, Rows).Select(n => Bias[n] + Enumerable.Range(0, Columns).Sum(k => Weight[n * Columns + k] * real[k]))];
        }
        Moments = new LayerMoments(Rows, Columns);
        var gram = new double[(Columns + 1) * (Columns + 1)];
        var target = new double[Rows * (Columns + 1)];
        for (int t = 0; t < Tokens; t++)
        {
            double[] one = [.. x[t], 1];
            for (int i = 0; i <= Columns; i++)
            {
                for (int j = 0; j <= Columns; j++)
                    gram[i * (Columns + 1) + j] += one[i] * one[j];
                for (int n = 0; n < Rows; n++)
                    target[n * (Columns + 1) + i] += y[t][n] * one[i];
            }
        }
        Moments.Add([.. gram.Select(v => (float)v)], [.. target.Select(v => (float)v)]);
    }

    public float[] Weight { get; }
    public float[] Bias { get; }
    public LayerMoments Moments { get; }
    public IReadOnlyList<double[]> Inputs => x;

    public LayerProblem Problem(int bits, bool withBias = true, WeightQuantizer? quantizer = null) => new()
    {
        Weight = Weight,
        Bias = withBias ? Bias : null,
        Bits = bits,
        Quantizer = quantizer ?? WeightQuantizer.Mse,
        Moments = Moments,
    };

    /// <summary>Mean squared error at the outputs over all tokens, token by token.</summary>
    public double Error(float[] weight, float[] bias)
    {
        double sum = 0;
        for (int t = 0; t < Tokens; t++)
            for (int n = 0; n < Rows; n++)
                sum += Math.Pow(Mean(weight, bias, n, x[t]) - y[t][n], 2);
        return sum / Tokens;
    }

    public double Error(CompensatedWeights result) => Error(result.Weights.Dequantize(), result.Bias ?? Bias);

    /// <summary>Mean error of each output.</summary>
    public double[] MeanError(CompensatedWeights result)
    {
        var weight = result.Weights.Dequantize();
        return [.. Enumerable.Range(0, Rows).Select(n => Enumerable.Range(0, Tokens).Average(t => Mean(weight, result.Bias!, n, x[t]) - y[t][n]))];
    }

    static double Mean(float[] weight, float[] bias, int n, double[] x) => bias[n] + Enumerable.Range(0, Columns).Sum(k => weight[n * Columns + k] * x[k]);
}
