using System.Globalization;
using System.Text;
using LampQ.Runtime;

namespace LampQ.Speed;

/// <summary>The results page: ratios first, then every median and best.</summary>
static class SpeedText
{
    public const string Float = "fp32", Qdq = "int8 QDQ", SameIntegers = "the same integers, ONNX Runtime";

    const string FusedSentence = "Hand-fused int8 is the int8 QDQ graph with its integers put by hand into ONNX Runtime's own fused operators (com.microsoft: MatMulIntegerToFloat with bias, BiasGelu, and where a row says so SkipLayerNormalization and QAttention, whose attention is float).";

    static bool IsFused(Row row) => row.Engine.StartsWith("hand-fused", StringComparison.Ordinal);

    public static string EngineOf(Spelling spelling) => spelling switch
    {
        Spelling.Float => Float,
        Spelling.Qdq => Qdq,
        Spelling.Fused => "hand-fused",
        Spelling.FusedSkip => "hand-fused, SkipLayerNormalization",
        Spelling.FusedAttention => "hand-fused, QAttention",
        _ => "hand-fused, QAttention, SkipLayerNormalization",
    };

    public static void Write(string path, string title, IReadOnlyList<Setting> settings, bool spin, bool onProcessor)
    {
        var text = new StringBuilder();
        string cpu = Processor("model name");
        text.AppendLine($"# Whole models on {(title.Length > 0 ? title : cpu)}").AppendLine()
            .AppendLine($"Written by benchmarks/speed.sh on {DateTime.UtcNow:yyyy-MM-dd}: {cpu}, family {Processor("cpu family")}, model {Processor("model")}, {Environment.ProcessorCount} cores, .NET {Environment.Version}, integer kernel {Diagnosis.OfThisProcess().IntegerKernels.Last(k => k.Offered).Name}; medians of engines run in turn, waiting threads {(spin ? "spin" : "sleep")}{(onProcessor ? ", time on the processor instead of the clock's" : "")}.")
            .AppendLine("DeiT-S-like is the shape of DeiT-S with random weights (benchmarks/LampQ.Speed/VitSpeedModel.cs); DeiT-Tiny is the real model, quantized by `lampq quantize`.");
        if (settings.SelectMany(s => s.Rows).Any(IsFused))
            text.AppendLine(FusedSentence);
        text.AppendLine();
        foreach (var group in settings.GroupBy(s => s.Model))
            Ratios(text, group.Key, [.. group]);
        text.AppendLine("## Milliseconds a run").AppendLine().AppendLine("| model | threads | batch | ONNX Runtime | engine | median | best | quartiles apart | runs |").AppendLine("|---|--:|--:|---|---|--:|--:|--:|--:|");
        foreach (var setting in settings)
            foreach (var row in setting.Rows)
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {setting.Model} | {setting.Threads} | {setting.Batch} | {row.Runtime} | {row.Engine} | {row.Timing.MedianMs:F2} | {row.Timing.BestMs:F2} | {row.Timing.SpreadMs:F2} | {row.Timing.Runs} |");
        File.WriteAllText(path, text.ToString());
        Console.Write(text);
    }

    static string Processor(string field) => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").Select(l => l.Split(':', 2)).FirstOrDefault(l => l[0].Trim() == field)?[1].Trim() ?? "" : "";

    /// <summary>Each opponent at its fastest: over ONNX Runtime versions, and for the hand-fused graph over its spellings.</summary>
    static void Ratios(StringBuilder text, string model, IReadOnlyList<Setting> settings)
    {
        var opponents = new (string Name, Func<Row, bool> Is)[]
        {
            (Float, r => r.Engine == Float), (Qdq, r => r.Engine == Qdq), ("hand-fused int8", IsFused), (SameIntegers, r => r.Engine == SameIntegers),
        }.Where(o => settings[0].Rows.Any(o.Is)).ToArray();
        text.AppendLine($"## {model}: how many times faster than ONNX Runtime").AppendLine()
            .AppendLine("Each opponent is the fastest of its kind over the ONNX Runtime versions (and spellings) in the table below; LampQ is its own fastest over the same versions.").AppendLine()
            .AppendLine($"| engine | threads | batch | ms | {string.Join(" | ", opponents.Select(o => o.Name))} |").AppendLine($"|---|--:|--:|--:|{string.Concat(opponents.Select(_ => "--:|"))}");
        foreach (var setting in settings)
            foreach (string engine in setting.Rows.Select(r => r.Engine).Where(e => e.StartsWith("LampQ", StringComparison.Ordinal)).Distinct())
            {
                double own = setting.Fastest(r => r.Engine == engine);
                text.AppendLine(CultureInfo.InvariantCulture, $"| {engine} | {setting.Threads} | {setting.Batch} | {own:F2} | {string.Join(" | ", opponents.Select(o => (setting.Fastest(o.Is) / own).ToString("F2", CultureInfo.InvariantCulture)))} |");
            }
        text.AppendLine();
    }
}
