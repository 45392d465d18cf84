using LampQ.Onnx;
using LampQ.Runtime;
using LampQ.Solver;

namespace LampQ.Quantization;

/// <summary>
/// The last word on an allocation: it and the widest uniform one that keeps the same budgets are both compensated and run on samples they were not compensated with, and the one closer to the float model stays.
/// </summary>
/// <remarks>Damage is measured one layer at a time and without compensation, which at few bits is not what all of them cost together (docs/decisions/0011).</remarks>
sealed class MeasuredChoice(Export export, SequentialCompensation compensation, OnnxSession floatModel, RunSettings settings)
{
    // Compensated weights fit their own samples many times better than others (0.003 against 0.05 for DeiT-Tiny at 4 bits), so only samples they did not see can judge.
    const int FewestHeldOut = 4;

    /// <summary>The better allocation, compensated with all samples.</summary>
    /// <param name="allocation">The allocation by damage.</param>
    /// <param name="cancellation">Cancels between two batches.</param>
    /// <returns>Bits by group, the plan, and each candidate's mean KL on the last quarter of the samples after compensation with the others, by damage first; none where there is
    /// nothing to choose, or too few samples to choose by.</returns>
    public (IReadOnlyDictionary<string, int> Bits, QuantizationPlan Plan, IReadOnlyList<double> MeanKl) Of(BitAllocation allocation, CancellationToken cancellation)
    {
        var byDamage = allocation.BitsByName();
        var samples = compensation.Samples;
        int quarter = samples.Count / 4, heldOut = quarter / settings.BatchSize * settings.BatchSize;
        // Whole batches where that leaves any; a model that fixes its batch takes no others.
        if (heldOut == 0 && FixedBatch.Of(export.Calibration.Model) is null)
            heldOut = quarter;
        if (heldOut < FewestHeldOut || WidestUniform(allocation.Problem) is not { } uniform || uniform.Choices.SequenceEqual(allocation.Choices))
            return (byDamage, compensation.Apply(export.Plan(byDamage), cancellation), []);
        var seen = compensation with { Samples = samples.Take(samples.Count - heldOut) };
        var reference = HeldOut(ModelOutputs.Of(floatModel, samples, settings, cancellation));
        double Kl(IReadOnlyDictionary<string, int> bits)
        {
            using var session = new OnnxSession(export.Write(seen.Apply(export.Plan(bits), cancellation)), settings.Session);
            return reference.MeanKl(HeldOut(ModelOutputs.Of(session, samples, settings, cancellation)));
        }
        ModelOutputs HeldOut(ModelOutputs all) => all with { Scores = [.. all.Scores.Skip(samples.Count - heldOut)] };

        double[] kl = [Kl(byDamage), Kl(uniform.BitsByName())];
        // NaN is no reason to stay.
        var better = !(kl[0] <= kl[1]) ? uniform.BitsByName() : byDamage;
        return (better, compensation.Apply(export.Plan(better), cancellation), kl);
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
