using LampQ.Onnx;
using MathNet.Numerics.LinearAlgebra;

namespace LampQ.Quantization;

public abstract partial class ErrorCompensation
{
    /// <summary>
    /// The default. Ridge regression first, W* = W + (B − W·A)·(A + λI)⁻¹, moves the real weights to where the quantized inputs give the float outputs (ERQ's Aqer,
    /// here for everything that was quantized before the layer); then each row is rounded to the nearest plane under H = A + μI (GPTQ), with the scale that
    /// leaves the least error of a row of candidates, and improved by coordinate descent. The bias is never rounded, so it takes what a constant can:
    /// A and B are centered, and b̂ = E y − Ŵ·E x̂.
    /// </summary>
    public static ErrorCompensation RidgeGptq { get; } = new RidgeGptqCompensation();
}

sealed class RidgeGptqCompensation : ErrorCompensation
{
    /// <summary>λ of the regression as a share of the mean input power, and once more for <see cref="LayerMoments.Scarcity"/>; 0.1 fits the calibration images, not others, 1000 does not move at all (docs/decisions/0011).</summary>
    const double Ridge = 1;

    /// <summary>What is added to the metric of rounding, as a share of the mean input power, and once more for <see cref="LayerMoments.Scarcity"/>: directions no sample had must not be free.</summary>
    const double Damping = 0.02;

    /// <summary>Widest inputs whose rounding is so much of what goes in that it would be fitted too; λ and damping are multiplied there (docs/decisions/0018-reconstruction.md).</summary>
    const int WidestNoisy = 4;

    const double NoisyRidge = 4, NoisyDamping = 5;

    // Relative to the scale of least squared error of the row alone, which does not know what the other columns can take over. The likeliest first, so that others are left early.
    static readonly float[] ScaleFactors = [1, 1.08f, 0.92f, 1.16f, 0.85f, 1.25f, 0.78f, 1.35f];

    public override string Name => "ridge-gptq";

    protected override CompensatedWeights CompensateCore(LayerProblem problem)
    {
        var moments = problem.Moments;
        int rows = problem.Rows, columns = problem.Columns;
        var second = moments.Second();
        var cross = moments.Cross();
        if (problem.Bias is not null)
        {
            var (x, y) = (moments.MeanInput(), moments.MeanOutput());
            double weight = moments.Gram[^1];
            second.MapIndexedInplace((i, j, a) => a - weight * (x[i] * x[j]));
            cross.MapIndexedInplace((n, k, b) => b - weight * (y[n] * x[k]));
        }
        var weights = Matrix<double>.Build.Dense(rows, columns, (n, k) => problem.Weight[n * columns + k]);
        cross.Subtract(weights * second, cross);
        var diagonal = second.Diagonal();
        bool isNoisy = problem.InputBits <= WidestNoisy;
        second.SetDiagonal(diagonal + Ridge * (isNoisy ? NoisyRidge : 1) * (1 + moments.Scarcity) * moments.MeanPower);
        // Its columns are the rows of W* − W.
        var change = second.Cholesky().Solve(cross.Transpose());

        second.SetDiagonal(diagonal + Damping * (isNoisy ? NoisyDamping : 1) * (1 + moments.Scarcity) * moments.MeanPower);
        var plane = new NearestPlane(second);
        var power = problem.InputPower;
        var codes = new sbyte[problem.Weight.Length];
        var grids = new WeightGrid[rows];
        Parallel.For(0, rows, row =>
        {
            var real = new float[columns];
            for (int k = 0; k < columns; k++)
                real[k] = (float)(weights[row, k] + change[k, row]);
            var start = problem.Quantizer.GridOf(real, row, problem.Bits, power);
            var arranged = new float[columns];
            plane.Arrange(real, arranged);
            var (rounded, candidate) = (new float[columns], new float[columns]);
            double least = double.PositiveInfinity;
            foreach (float factor in ScaleFactors)
            {
                var grid = start.Scaled(factor);
                double error = plane.Round(arranged, grid, candidate, least);
                if (error < least)
                {
                    (least, grids[row]) = (error, grid);
                    (rounded, candidate) = (candidate, rounded);
                }
            }
            plane.Descend(arranged, ref grids[row], rounded);
            plane.Restore(rounded, grids[row], codes.AsSpan(row * columns, columns));
        });
        var quantized = WeightGrid.Weights(grids, columns, codes);
        return new CompensatedWeights(quantized, problem.Bias is null ? null : moments.BestBias(quantized.Dequantize()));
    }
}
