using System.Globalization;
using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>docs/results-methods.md from the rows that are done.</summary>
static class MethodTables
{
    public static string Write(IReadOnlyList<FinishedRow> done)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine("""
            # Results of whole methods

            Written by `benchmarks/accuracy.sh --only methods`; nothing here is typed by hand. `lampq quantize --method NAME` in the profile and width of each table; `lampq methods` says what each sets and where it differs
            from its paper. Unlabelled calibration images (as many as the paper has, or as the effort says), drawn anew by each seed; evaluation on other images.
            "widths": what the method offers; `lampq+` at `balanced` and `best` takes one width for all layers where that was measured closer.
            "holds": bits of patch embedding and head, then bits of Q, K, V and the attention map and how the map is coded, then how the input of fc2 is coded where it is not uniform. In `paper` tables the input of each layer takes the layer's
            width (the image keeps 8 bits), in `cpu` tables 8 bits. LayerNorm, softmax, GELU and residual additions are float. Bytes: the file with its weights packed bit by bit. Seconds depend on what else the machine does.
            Several seeds: the mean, and behind ± half the distance of the extremes. One image is 0.15 points of top-1; the noise of a difference is about one point, so agreement and KL decide.

            ![Mean KL against bytes, one line a method](results-methods.svg)
            """);
        var byKey = done.GroupBy(r => r.Key).ToDictionary(g => g.Key, g => g.Last());
        foreach (var table in MethodRow.All.GroupBy(r => (r.Model, r.Profile, r.Bits)))
        {
            var lines = table.GroupBy(r => r.Line).Select(g => (Line: g.Key, Rows: g.Select(r => byKey.GetValueOrDefault(r.Key)).OfType<FinishedRow>().ToArray())).Where(l => l.Rows.Length > 0).ToArray();
            if (lines.Length == 0)
                continue;
            text.WriteLine($"\n## {table.Key.Model}, {table.Key.Profile.ToString().ToLowerInvariant()} profile, {table.Key.Bits} bits\n");
            text.WriteLine("| method | widths | holds | average bits | top-1 change, points | agreement | mean KL | bytes | seconds | seeds |");
            text.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
            foreach (var (line, rows) in lines)
                text.WriteLine($"| {line.Replace('/', ' ')} | {(Recipe.Of(line.Split('/')[0]).IsMixed ? "mixed" : "uniform")} | {rows[0].Held} | {rows.Average(r => r.AverageBits):F2} | "
                    + $"{Spread(rows, r => 100 * r.Top1Change, "+0.0;−0.0")} | {Spread(rows, r => 100 * r.Agreement, "F1")} % | {Spread(rows, r => r.Kl, "F4")} | {rows.Average(r => r.Bytes):N0} | {rows.Average(r => r.Seconds):F0} | {rows.Length} |");
        }
        return text.ToString().ReplaceLineEndings("\n");
    }

    static string Spread(FinishedRow[] rows, Func<FinishedRow, double> of, string format)
    {
        double[] values = [.. rows.Select(of)];
        string mean = values.Average().ToString(format, CultureInfo.InvariantCulture);
        return rows.Length == 1 ? mean : $"{mean} ± {((values.Max() - values.Min()) / 2).ToString(format.StartsWith('F') ? format : "F1", CultureInfo.InvariantCulture)}";
    }
}
