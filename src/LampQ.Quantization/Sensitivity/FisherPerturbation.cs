using System.Numerics.Tensors;

namespace LampQ.Quantization;

public abstract partial class SensitivityMetric
{
    /// <summary>
    /// The trace of the true Fisher information without any gradient: tr(F_i) = (2/σ²)·E_e mean KL(p(·|x; W_i) ‖ p(·|x; W_i + e)), e ~ N(0, σ²) in every weight,
    /// σ a hundredth of the standard deviation of W_i (the KL of neighbouring models is ½·eᵀFe). D_i(b) as in <see cref="SecondOrderDamage"/>.
    /// </summary>
    /// <remarks>Works for operators no backward rule covers. No label is needed: the classes of the true Fisher are the model's own.</remarks>
    public static SensitivityMetric FisherPerturbation { get; } = new FisherPerturbationMetric();
}

sealed class FisherPerturbationMetric : SensitivityMetric
{
    // Small enough that the KL is quadratic, large enough that it stands out of the rounding of the logits.
    const double RelativeStep = 1e-2;

    public override string Name => "fisher-perturbation";

    protected override IReadOnlyList<GroupSensitivity> MeasureCore(SensitivityContext context)
    {
        using var damage = new DamageMeasurement(context);
        var random = new Random(context.Options.Seed);
        var traces = new Dictionary<string, double>();
        int done = 0;
        foreach (var group in context.Groups)
        {
            foreach (var layer in group.Layers)
                traces[layer.Name] = TraceOf(context, damage, group, layer, random);
            context.Progress?.Invoke(++done, context.Groups.Count);
        }
        return SecondOrderDamage.Of(context, traces);
    }

    static double TraceOf(SensitivityContext context, DamageMeasurement damage, AllocationGroup group, Onnx.QuantizableLayer layer, Random random)
    {
        var weight = layer.ReadWeight();
        double mean = TensorPrimitives.Sum<float>(weight) / (double)weight.Length;
        double sigma = RelativeStep * Math.Sqrt(Math.Max(0, TensorPrimitives.SumOfSquares<float>(weight) / (double)weight.Length - mean * mean));
        // Weights that are all alike have no scale of their own; a layer of zeros is exact at every width.
        if (!(sigma > 0))
            sigma = Math.Max(RelativeStep * Math.Abs(weight[0]), 1e-6);
        int probes = context.Options.Fisher.Probes;
        double sum = 0;
        for (int probe = 0; probe < probes; probe++)
        {
            var moved = weight.ToArray();
            for (int i = 0; i < moved.Length; i++)
                moved[i] += (float)(sigma * Normal(random));
            sum += damage.OfWeight(group, layer, moved);
        }
        return 2 / (sigma * sigma) * sum / probes;
    }

    // Box and Muller.
    static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
