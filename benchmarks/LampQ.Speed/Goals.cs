using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace LampQ.Speed;

/// <summary>goals.md: what was to be reached, and what each CPU reaches, read from the pages that are measured. What stands behind the tables is written by hand and kept.</summary>
static partial class Goals
{
    const string Page = "goals.md", Kept = "## What is missed, and what was tried";

    /// <summary>Milliseconds of the DeiT-S-like model that its multiplications, and the float work around them at full width, take on Zen 5, and the peak they were reckoned at.</summary>
    const double FloorMs = 10.5, FloorPeak = 1088;

    /// <summary>Writes the page of a folder of results.</summary>
    public static void Write(string folder)
    {
        string path = Path.Combine(folder, Page), old = File.Exists(path) ? File.ReadAllText(path) : "";
        int kept = old.IndexOf(Kept, StringComparison.Ordinal);
        string[] cpus = [.. Directory.GetFiles(folder, "models-*.md").Select(f => Path.GetFileNameWithoutExtension(f)["models-".Length..]).Where(c => !c.EndsWith("-avx2", StringComparison.Ordinal)).Order()];
        var text = new StringBuilder("# What was to be reached, and what each CPU reaches\n\n");
        text.AppendLine("Tables written by `LampQ.Speed goals` from kernels-CPU.md, models-CPU.md, models-CPU-avx2.md and memory.md. A cell is the worst of its settings: 8- and 4-bit weights, the batch, one or two threads.").AppendLine();
        foreach (int threads in new[] { 1, 2 })
        {
            text.AppendLine($"## {threads} thread{(threads == 1 ? "" : "s")}").AppendLine().AppendLine($"| what | at least | {string.Join(" | ", cpus)} |\n|---|--:|{string.Concat(cpus.Select(_ => "--:|"))}");
            var results = cpus.Select(cpu => OfCpu(folder, cpu, threads)).ToArray();
            foreach (var (what, goal, unit) in goals)
                text.AppendLine($"| {what} | {goal.ToString(unit, CultureInfo.InvariantCulture)} | {string.Join(" | ", results.Select(r => Cell(r, what, goal, unit)))} |");
            text.AppendLine();
        }
        text.AppendLine("Resident memory of the packed 4-bit DeiT-S: [memory.md](memory.md). Accuracy against ONNX Runtime: [runtime-agreement.md](runtime-agreement.md).").AppendLine();
        File.WriteAllText(path, text + (kept < 0 ? Kept + "\n" : old[kept..]));
    }

    const string GemmOne = "GEMM, DeiT-S and ViT-B, 8 and 4 bits, one image, share of the VNNI peak", GemmEight = "the same, eight images",
        Floor = "DeiT-S-like, batch 1: share of the multiplier's floor", Narrow = "DeiT-S-like, batch 1, 4 bits, without AVX-512 and VNNI: against fp32";

    static readonly (string What, double Goal, string Unit)[] goals =
    [
        (GemmOne, .92, "P0"), (GemmEight, .92, "P0"),
        ("DeiT-S-like, batch 1: against fp32", 3.6, "F2"), ("DeiT-S-like, batch 1: against int8 QDQ", 1.55, "F2"), ("DeiT-S-like, batch 1: against hand-fused int8", 1.5, "F2"),
        ("DeiT-S-like, batch 8: against fp32", 4.1, "F2"), ("DeiT-S-like, batch 8: against int8 QDQ", 1.8, "F2"), ("DeiT-S-like, batch 8: against hand-fused int8", 1.7, "F2"),
        ("DeiT-Tiny, batch 1: against fp32", 3.3, "F2"), ("DeiT-Tiny, batch 1: against the same integers, ONNX Runtime", 1.6, "F2"),
        ("DeiT-Tiny, batch 8: against fp32", 3.3, "F2"), ("DeiT-Tiny, batch 8: against the same integers, ONNX Runtime", 1.6, "F2"),
        (Floor, .85, "P0"), (Narrow, 1.3, "F2"),
    ];

    static string Cell(IReadOnlyDictionary<string, double> results, string what, double goal, string unit) => !results.TryGetValue(what, out double reached) ? "not measured"
        : reached.ToString(unit, CultureInfo.InvariantCulture) + (reached >= goal - 1e-9 ? "" : " (missed)");

    static Dictionary<string, double> OfCpu(string folder, string cpu, int threads)
    {
        var worst = new Dictionary<string, double>();
        double peak = Kernels(Lines(folder, $"kernels-{cpu}.md"), threads, worst), bestMs = double.PositiveInfinity;
        foreach (var (model, _, of, batch, ms, ratios) in Ratios(Lines(folder, $"models-{cpu}.md")))
            if (of == threads)
            {
                foreach (var (opponent, ratio) in ratios)
                    Worst(worst, $"{model}, batch {batch}: against {opponent}", ratio);
                if (model == "DeiT-S-like" && batch == 1)
                    bestMs = Math.Min(bestMs, ms);
            }
        // All of it is vector work of full width, so a CPU with half the peak at its clock has twice the floor.
        if (peak > 0 && double.IsFinite(bestMs))
            worst[Floor] = FloorMs * FloorPeak / (peak * bestMs);
        foreach (var (model, engine, of, _, _, ratios) in Ratios(Lines(folder, $"models-{cpu}-avx2.md")))
            if (of == threads && model == "DeiT-S-like" && engine == "LampQ, 4 bits" && ratios.TryGetValue(SpeedText.Float, out double ratio))
                worst[Narrow] = ratio;
        return worst;
    }

    static string[] Lines(string folder, string page) => Path.Combine(folder, page) is var path && File.Exists(path) ? File.ReadAllLines(path) : [];

    static void Worst(Dictionary<string, double> worst, string what, double value) => worst[what] = Math.Min(value, worst.GetValueOrDefault(what, value));

    /// <summary>Smallest shares of the tables of one number of threads.</summary>
    /// <returns>The peak of all threads, GOPS; 0 where the page has no such table.</returns>
    static double Kernels(string[] lines, int threads, Dictionary<string, double> worst)
    {
        double peak = 0;
        string[] columns = [];
        bool inside = false;
        foreach (string line in lines)
            if (Heading().Match(line) is { Success: true } heading)
            {
                inside = int.Parse(heading.Groups[1].Value, CultureInfo.InvariantCulture) == threads && peak == 0;
                if (inside)
                    peak = double.Parse(heading.Groups[2].Value, CultureInfo.InvariantCulture);
            }
            else if (line.StartsWith('#'))
                inside = false;
            else if (inside && line.StartsWith("| |", StringComparison.Ordinal))
                columns = Cells(line);
            else if (inside && Cells(line) is [var row, ..] cells && (row.EndsWith(" w8a8", StringComparison.Ordinal) || row.EndsWith(" w4a8", StringComparison.Ordinal)))
                for (int i = 1; i < cells.Length; i++)
                    if ((columns[i].StartsWith("DeiT-S", StringComparison.Ordinal) || columns[i].StartsWith("ViT-B", StringComparison.Ordinal)) && !columns[i].Contains("head") && Share().Match(cells[i]) is { Success: true } share)
                        Worst(worst, columns[i].Contains(" x8 ") ? GemmEight : GemmOne, double.Parse(share.Groups[1].Value, CultureInfo.InvariantCulture) / 100);
        return peak;
    }

    /// <summary>The rows of the ratio tables.</summary>
    static IEnumerable<(string Model, string Engine, int Threads, int Batch, double Ms, Dictionary<string, double> Ratios)> Ratios(string[] lines)
    {
        string model = "";
        string[] columns = [];
        foreach (string line in lines)
            if (line.StartsWith("## ", StringComparison.Ordinal))
                model = line.Contains(": how many times") ? line[3..line.IndexOf(':')] : "";
            else if (model.Length > 0 && line.StartsWith("| engine |", StringComparison.Ordinal))
                columns = Cells(line);
            else if (model.Length > 0 && line.StartsWith("| LampQ", StringComparison.Ordinal) && Cells(line) is { Length: > 4 } cells)
                yield return (model, cells[0], (int)Number(cells[1]), (int)Number(cells[2]), Number(cells[3]), Enumerable.Range(4, cells.Length - 4).ToDictionary(i => columns[i], i => Number(cells[i])));

        static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
    }

    /// <summary>The first may be empty, as in the head of the kernels' tables.</summary>
    static string[] Cells(string line) => line.StartsWith('|') ? [.. line[1..].TrimEnd(' ', '|').Split('|').Select(c => c.Trim())] : [];

    [GeneratedRegex(@"^(\d+) thread\(s\), best GOPS \(share of the VNNI peak, at most (\d+)\)")]
    private static partial Regex Heading();

    [GeneratedRegex(@"\((\d+) %\)")]
    private static partial Regex Share();
}
