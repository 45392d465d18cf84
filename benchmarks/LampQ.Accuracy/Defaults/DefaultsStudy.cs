using LampQ.Onnx;
using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>Compares what the papers leave open in the Fisher metrics and in refinement, on both models, and writes docs/defaults.md.</summary>
static class DefaultsStudy
{
    const int Calibrated = AccuracyTables.CalibrationImages;

    /// <summary>One line of a table: its figures in the order of <see cref="Settings"/>, null where it was not measured.</summary>
    sealed class Row(string name)
    {
        public string Name => name;
        public Dictionary<string, double> Kl { get; } = [];
        public int Kept { get; set; }
        public int Tried { get; set; }
    }

    static readonly (string Name, QuantizationProfile Profile, int Bits)[] Settings = [("cpu 4", QuantizationProfile.Cpu, 4), ("cpu 3", QuantizationProfile.Cpu, 3), ("paper 4", QuantizationProfile.Paper, 4)];

    sealed record Variant(string Name, SensitivityMetric Metric, FisherOptions Fisher, int Images, int Seed = 0, bool CpuOnly = false);

    static IEnumerable<Variant> Variants
    {
        get
        {
            yield return new("kl-damage, 16 images", SensitivityMetric.KlDamage, new(), 16);
            yield return new("kl-damage, 32 images", SensitivityMetric.KlDamage, new(), 32, CpuOnly: true);
            foreach (var (mu, beta) in ((int, int)[])[(4, 3), (8, 3), (12, 3), (4, 2), (8, 2), (12, 2), (4, 4), (12, 4)])
                yield return new($"type-aware-fisher, μ = {mu}, β = {beta}, 16 images", SensitivityMetric.TypeAwareFisher, new() { Mu = mu, Beta = beta }, 16);
            foreach (int mu in (int[])[4, 12])
                yield return new($"type-aware-fisher, μ = {mu}, β = 3, 32 images", SensitivityMetric.TypeAwareFisher, new() { Mu = mu, Beta = 3 }, 32, CpuOnly: true);
            foreach (int images in (int[])[16, 32])
                foreach (int draws in (int[])[2, 8])
                    for (int seed = 0; seed < 3; seed++)
                        yield return new($"fisher-damage, {draws} draws, {images} images, seed {seed}", SensitivityMetric.FisherDamage, new() { Draws = draws }, images, seed, CpuOnly: images > 16 || seed > 0);
        }
    }

    static readonly SensitivityMetric[] refinedAfter = [SensitivityMetric.KlDamage, SensitivityMetric.TypeAwareFisher, SensitivityMetric.FisherDamage];

    // Pinned: what refinement starts from must not move with the defaults the tables decide on.
    static readonly FisherOptions refinedFrom = new() { Mu = 4, Beta = 3, Draws = 2 };

    static readonly (string Name, Func<GroupSensitivity, int, double, double> Error)[] Guides =
    [
        ("L", (_, _, relative) => relative),
        ("Ω·L", (group, _, relative) => group.Sensitivity * relative),
        ("D, the metric's damage at the width", (group, bits, _) => group.Damage[bits]),
    ];

    /// <summary>Runs everything.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="heldOut">Calibration images to judge on, beside the 32.</param>
    public static string Write(string data, int heldOut)
    {
        var text = new StringWriter();
        var uniform = new Row("uniform");
        var variants = Variants.Select(v => (Variant: v, Row: new Row(v.Name))).ToArray();
        var refined = refinedAfter.SelectMany(metric => Guides.Select(g => (Metric: metric.Name, Guide: g.Name)).Prepend((Metric: metric.Name, Guide: "no refinement")))
            .ToDictionary(p => p, p => new Row($"{p.Metric}, {p.Guide}"));
        foreach (var subject in Subject.All)
        {
            var samples = subject.Calibration(data, Calibrated + heldOut);
            var model = Model.Read(subject.Path(data));
            foreach (var profile in Settings.GroupBy(s => s.Profile))
            {
                var study = new HeldOutStudy(model, samples, Calibrated, profile.Key);
                void Note(Row row, (string Name, QuantizationProfile, int) setting, double kl)
                {
                    row.Kl[$"{subject.Name}, {setting.Name}"] = kl;
                    Console.WriteLine($"{DateTime.Now:HH:mm:ss} {subject.Name}, {setting.Name}: {row.Name}: {kl:F4}");
                }
                foreach (var setting in profile)
                    Note(uniform, setting, study.UniformKl(setting.Bits));
                foreach (var (variant, row) in variants.Where(v => profile.Key == QuantizationProfile.Cpu || !v.Variant.CpuOnly))
                {
                    var (measured, _) = study.Measure(variant.Metric, variant.Fisher, variant.Images, variant.Seed);
                    foreach (var setting in profile)
                        Note(row, setting, study.Kl(study.Solve(measured, setting.Bits)));
                }
                foreach (var metric in refinedAfter)
                {
                    var (measured, context) = study.Measure(metric, refinedFrom, 16, 0);
                    foreach (var setting in profile)
                    {
                        var start = study.Solve(measured, setting.Bits);
                        Note(refined[(metric.Name, "no refinement")], setting, study.Kl(start));
                        foreach (var (name, error) in Guides)
                        {
                            var steps = new List<RefinementStep>();
                            var row = refined[(metric.Name, name)];
                            Note(row, setting, study.Kl(study.Refine(context, start, (item, bits, relative) => error(measured.Groups[item], bits, relative), steps)));
                            row.Kept += steps.Count(s => s.Accepted);
                            row.Tried += steps.Count;
                        }
                    }
                }
            }
        }
        string[] columns = [.. Subject.All.SelectMany(s => Settings.Select(x => $"{s.Name}, {x.Name}"))];
        text.WriteLine($"""
            # Defaults, judged on held-out images

            Written by `benchmarks/defaults.sh` on {DateTime.UtcNow:yyyy-MM-dd}; nothing here is typed by hand. Quantizers, whatever the defaults are by now: weights with a scale a row and no zero point (`mse`),
            uniform codes of activations, `layernorm-reparameterization`, `score-folding` and `value-folding`, no error compensation. 32 unlabelled calibration images (seed 0); mean KL(fp32 ‖ quantized) of the exported model on {heldOut} other images of
            imagenet-calibration. "ratio" is the geometric mean of KL over that of uniform, over the columns that were measured; "cpu 4" is the cpu profile at 4 bits on average.

            ## Metrics, without refinement
            """);
        Table(text, columns, uniform, [uniform, .. variants.Select(v => v.Row)], pairs: false);
        text.WriteLine($"\n## Guides of refinement\n\nStarted from the solver's allocation, {new QuantizationOptions().RefinementSteps} pairs at most, measured on the first 16 calibration images.");
        Table(text, columns, uniform, [.. refined.Values], pairs: true);
        return text.ToString();
    }

    static void Table(TextWriter text, string[] columns, Row uniform, IReadOnlyList<Row> rows, bool pairs)
    {
        text.WriteLine($"\n| | {string.Join(" | ", columns)} | ratio |{(pairs ? " pairs kept |" : "")}\n|---|{string.Concat(columns.Select(_ => "---|"))}---|{(pairs ? "---|" : "")}");
        foreach (var row in rows)
        {
            double ratio = Math.Exp(row.Kl.Average(p => Math.Log(p.Value / uniform.Kl[p.Key])));
            string kept = !pairs ? "" : row.Tried == 0 ? " |" : $" {row.Kept} of {row.Tried} |";
            text.WriteLine($"| {row.Name} | {string.Join(" | ", columns.Select(c => row.Kl.TryGetValue(c, out double kl) ? $"{kl:F4}" : ""))} | {ratio:F3} |{kept}");
        }
    }
}
