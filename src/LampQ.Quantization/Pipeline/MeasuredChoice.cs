using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>
/// The last word on an allocation: it and the widest uniform one that keeps the same budgets are both compensated and run, and the one closer to the float model stays.
/// </summary>
/// <remarks>Damage is measured one layer at a time and without compensation, which at few bits is not what all of them cost together (docs/decisions/0011).</remarks>
sealed class MeasuredChoice(Export export, SequentialCompensation compensation, OnnxSession floatModel, RunSettings settings)
{
    /// <summary>Samples the candidates are compared on, the first of the calibration set: each costs three runs.</summary>
    const int Samples = 64;

    /// <summary>The better allocation, compensated.</summary>
    /// <param name="allocation">The allocation by damage.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    /// <returns>Bits by group, the plan, and each candidate's mean KL, by damage first; one alone where the allocation is uniform or no uniform one keeps the budgets.</returns>
    public (IReadOnlyDictionary<string, int> Bits, QuantizationPlan Plan, IReadOnlyList<double> MeanKl) Of(BitAllocation allocation, CancellationToken cancellation)
    {
        var byDamage = allocation.BitsByName();
        var plan = compensation.Apply(export.Plan(byDamage), cancellation);
        if (WidestUniform(allocation.Problem) is not { } uniform || uniform.Choices.SequenceEqual(allocation.Choices))
            return (byDamage, plan, []);
        var samples = compensation.Samples.Take(Math.Min(Samples, compensation.Samples.Count));
        var reference = ModelOutputs.Of(floatModel, samples, settings, cancellation);
        double Kl(QuantizationPlan candidate)
        {
            using var session = new OnnxSession(export.Write(candidate), settings.Session);
            return reference.MeanKl(ModelOutputs.Of(session, samples, settings, cancellation));
        }
        var other = compensation.Apply(export.Plan(uniform.BitsByName()), cancellation);
        double[] kl = [Kl(plan), Kl(other)];
        return kl[1] < kl[0] ? (uniform.BitsByName(), other, kl) : (byDamage, plan, kl);
    }

    /// <summary>The same width for every item, the widest that all items offer and all budgets allow; null when there is none.</summary>
    internal static BitAllocation? WidestUniform(AllocationProblem problem)
    {
        foreach (int bits in problem.Items[0].Choices.Select(c => c.Bits).OrderDescending())
        {
            int[] choices = [.. problem.Items.Select(item => item.Choices.ToList().FindIndex(c => c.Bits == bits))];
            if (choices.All(c => c >= 0) && new BitAllocation(problem, choices) is { KeepsBudgets: true } uniform)
                return uniform;
        }
        return null;
    }
}
