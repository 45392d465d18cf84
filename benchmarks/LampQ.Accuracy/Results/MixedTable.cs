using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>docs/results-mixed.md: what mixed widths are worth by themselves, over three draws of calibration images.</summary>
static class MixedTable
{
    const int Seeds = 3;

    /// <summary>Runs everything.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="limit">Most evaluation images.</param>
    public static string Write(string data, int limit)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine($"""
            # Mixed widths against one width

            Written by `benchmarks/accuracy.sh --only mixed`; nothing here is typed by hand. The same quantizers and the same Σ parameters·bits: every layer of the blocks at one width, or widths by kl-damage, ilp and refinement. Profile cpu,
            weights {new QuantizationOptions().WeightQuantizer.Name} rounded to nearest (`--compensate none`), {AccuracyTables.CalibrationImages} unlabelled calibration images drawn anew by each of the seeds 0 to {Seeds - 1}; patch embedding, head, Q, K, V and the attention map hold 8 bits;
            LayerNorm, softmax, GELU and residual additions are float. With compensation the two come together (docs/decisions/0011-error-compensation.md), and `balanced` takes the better one.

            | model | bits | seed | top-1 change, points: uniform, mixed | agreement: uniform, mixed | mean KL: uniform, mixed | KL, mixed / uniform |
            |---|---|---|---|---|---|---|
            """);
        foreach (var subject in Subject.All)
        {
            var judge = new Judge(subject, data, limit);
            foreach (int bits in (int[])[4, 3])
                for (int seed = 0; seed < Seeds; seed++)
                {
                    var options = new QuantizationOptions { Compensation = ErrorCompensation.None, TargetBits = bits, UniformBits = bits, Seed = seed };
                    var samples = Unlabelled.Of(subject.Calibration(data, AccuracyTables.CalibrationImages, seed));
                    var (uniform, mixed) = (Run(options with { Method = AllocationMethod.Uniform }), Run(options));
                    string line = string.Create(CultureInfo.InvariantCulture, $"| {subject.Name} | {bits} | {seed} | {100 * uniform.Top1Change:+0.0;−0.0}, {100 * mixed.Top1Change:+0.0;−0.0} "
                        + $"| {100 * uniform.Agreement:F1} %, {100 * mixed.Agreement:F1} % | {uniform.Kl:F4}, {mixed.Kl:F4} | {mixed.Kl / uniform.Kl:F2} |");
                    text.WriteLine(line);
                    Console.WriteLine($"{DateTime.Now:HH:mm:ss} {line}");

                    Verdict Run(QuantizationOptions o) => judge.Of(new ModelQuantizer(o).Quantize(judge.Model, samples).Model, o.Run);
                }
        }
        return text.ToString().ReplaceLineEndings("\n");
    }
}
