using LampQ.Onnx;
using MathNet.Numerics.LinearAlgebra;

namespace LampQ.Quantization;

public abstract partial class ErrorCompensation
{
    /// <summary>
    /// ERQ (Zhong et al., ICML 2024, TPAMI 2025). Activation quantization error reduction: [W, b] moves by the ridge regression of what the quantized inputs miss,
    /// Δ = (B − [W, b]·A)·(A + λI)⁻¹. Weight quantization error reduction: half of the columns still real are rounded to nearest, single roundings are flipped
    /// along the gradient of δᵀE[x̂x̂ᵀ]δ while that falls (at most 100 a row), and the other half takes over the rest, δ₂ = −(A₂₂ + λI)⁻¹·A₂₁·δ₁; and so on.
    /// The bias column takes over too and is never rounded.
    /// </summary>
    /// <remarks>λ is the published one, 0.1·20000 for sums over 32 images of 197 tokens, as much a token for any other number of them: inputs of little power move the weights less.</remarks>
    public static ErrorCompensation Erq { get; } = new ErqCompensation();
}

sealed class ErqCompensation : ErrorCompensation
{
    /// <summary>λ a token.</summary>
    const double Ridge = 0.1 * 20000 / (32 * 197);
    const int MostFlips = 100;

    public override string Name => "erq";

    public override bool WeighsTokens => false;

    public override bool FollowsEarlierLayers => false;

    protected override CompensatedWeights CompensateCore(LayerProblem problem)
    {
        int rows = problem.Rows, columns = problem.Columns;
        // The constant 1 is the last column where there is a bias.
        int width = problem.Bias is null ? columns : columns + 1;
        var moments = problem.Moments;
        var gram = Matrix<double>.Build.Dense(width, width, (i, j) => moments.Gram[i * (columns + 1) + j]);
        var target = Matrix<double>.Build.Dense(rows, width, (n, k) => moments.Target[n * (columns + 1) + k]);
        var real = Matrix<double>.Build.Dense(rows, width, (n, k) => k < columns ? problem.Weight[n * columns + k] : problem.Bias![n]);
        double ridge = Ridge * moments.Gram[^1];
        real += Solve(gram, ridge, (target - real * gram).Transpose()).Transpose();

        var power = problem.InputPower;
        WeightGrid[] grids = [.. Enumerable.Range(0, rows).Select(n => problem.Quantizer.GridOf([.. Enumerable.Range(0, columns).Select(k => (float)real[n, k])], n, problem.Bits, power))];
        var codes = new sbyte[rows * columns];
        for (int first = 0; first < columns;)
        {
            int count = Math.Max(1, (columns - first) / 2), from = first;
            var own = gram.SubMatrix(from, count, from, count);
            var error = Matrix<double>.Build.Dense(rows, count);
            Parallel.For(0, rows, row =>
            {
                var delta = Refine(real, row, from, grids[row], own, codes.AsSpan(row * columns + from, count));
                for (int k = 0; k < count; k++)
                    error[row, k] = delta[k];
            });
            first += count;
            if (first < width)
            {
                var rest = gram.SubMatrix(first, width - first, first, width - first);
                var takeover = Solve(rest, ridge, gram.SubMatrix(first, width - first, from, count) * error.Transpose());
                real.SetSubMatrix(0, first, real.SubMatrix(0, rows, first, width - first) - takeover.Transpose());
            }
        }
        return new CompensatedWeights(WeightGrid.Weights(grids, columns, codes),
            problem.Bias is null ? null : [.. Enumerable.Range(0, rows).Select(n => (float)real[n, columns])]);
    }

    /// <summary>Rounds a part of a row to nearest and flips single roundings while that helps; returns δ = ŵ − w.</summary>
    static double[] Refine(Matrix<double> real, int row, int first, WeightGrid grid, Matrix<double> gram, Span<sbyte> codes)
    {
        int count = codes.Length;
        float scale = grid.Scale;
        var steps = new int[count];
        var delta = new double[count];
        for (int k = 0; k < count; k++)
        {
            steps[k] = (int)Math.Clamp(Math.Round(real[row, first + k] / scale), grid.Low, grid.High);
            delta[k] = scale * steps[k] - real[row, first + k];
        }
        var gradient = (gram * Vector<double>.Build.Dense(delta)).AsArray();
        for (int flip = 0; flip < MostFlips; flip++)
        {
            // Rounding the other way takes |δ| past 0 only where gradient and δ have one sign, and only nearest rounding's neighbour is a candidate.
            int best = -1;
            double steepest = 0;
            for (int k = 0; k < count; k++)
            {
                int next = steps[k] - Math.Sign(delta[k]);
                if (gradient[k] * delta[k] > 0 && Math.Abs(delta[k]) <= scale / 2 && next >= grid.Low && next <= grid.High && Math.Abs(gradient[k]) > steepest)
                    (best, steepest) = (k, Math.Abs(gradient[k]));
            }
            if (best < 0)
                break;
            double step = -Math.Sign(delta[best]) * (double)scale;
            if (2 * step * gradient[best] + step * step * gram[best, best] >= 0)
                break;
            steps[best] += Math.Sign(step);
            delta[best] += step;
            for (int k = 0; k < count; k++)
                gradient[k] += step * gram[k, best];
        }
        for (int k = 0; k < count; k++)
            codes[k] = grid.CodeOf(steps[k]);
        return delta;
    }

    static Matrix<double> Solve(Matrix<double> gram, double ridge, Matrix<double> right)
    {
        var damped = gram.Clone();
        for (int k = 0; k < damped.RowCount; k++)
            damped[k, k] += ridge;
        return damped.Cholesky().Solve(right);
    }
}
