using System.Numerics.Tensors;

namespace LampQ.Quantization;

/// <summary>
/// HAWQ-V2's use of a trace (arXiv 1911.03852, equation 6): D_i(b) = ½·tr(H_i)/n_i·‖ΔW_i(b)‖², n_i the number of weights: the damage of an error that lies
/// in no particular direction. The paper leaves out ½, which no allocation sees; with it the unit is nats.
/// </summary>
static class SecondOrderDamage
{
    /// <summary>The damage of each group from the trace of each of its layers; the sensitivity shown is the trace.</summary>
    public static IReadOnlyList<GroupSensitivity> Of(SensitivityContext context, IReadOnlyDictionary<string, double> traces) =>
        [.. context.Groups.Select(group => new GroupSensitivity(group.Name, group.Layers.Sum(l => traces[l.Name]), context.Bits.ToDictionary(b => b, b =>
            group.Layers.Sum(l => traces[l.Name] / l.Parameters * TensorPrimitives.SumOfSquares<float>(context.Quantizers.WeightError(l, b)) / 2))))];
}
