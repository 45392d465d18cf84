using LampQ.Onnx;

namespace LampQ.Quantization;

public abstract partial class ErrorCompensation
{
    /// <summary>
    /// GPTQ (Frantar et al., arXiv 2210.17323, algorithm 1): columns are rounded one after the other, those of largest input power first, and each rounding error
    /// is taken over by the columns still to come so that Σ ‖ΔW·x̂‖² is least; the scales of the weight quantizer, 1 % damping.
    /// </summary>
    public static ErrorCompensation Gptq { get; } = new GptqCompensation();
}

sealed class GptqCompensation : ErrorCompensation
{
    const double Damping = 0.01;

    public override string Name => "gptq";

    public override bool WeighsTokens => false;

    protected override CompensatedWeights CompensateCore(LayerProblem problem)
    {
        var metric = problem.Moments.Second();
        double damping = Damping * metric.Diagonal().Average();
        for (int k = 0; k < metric.RowCount; k++)
            metric[k, k] += damping;
        var plane = new NearestPlane(metric);
        int columns = problem.Columns;
        var power = problem.InputPower;
        var grids = new WeightGrid[problem.Rows];
        var codes = new sbyte[problem.Weight.Length];
        Parallel.For(0, problem.Rows, row =>
        {
            var weights = new float[columns];
            var rounded = new float[columns];
            var own = problem.Weight.AsSpan(row * columns, columns);
            grids[row] = problem.Quantizer.GridOf(own, row, problem.Bits, power);
            plane.Arrange(own, weights);
            plane.Round(weights, grids[row], rounded);
            plane.Restore(rounded, grids[row], codes.AsSpan(row * columns, columns));
        });
        return new CompensatedWeights(WeightGrid.Weights(grids, columns, codes), problem.Bias);
    }
}
