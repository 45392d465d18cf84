using System.Diagnostics;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Quantization;

namespace LampQ.Accuracy;

/// <summary>Runs the rows of the table of methods that are not done yet.</summary>
static class MethodStudy
{
    /// <param name="data">The data folder.</param>
    /// <param name="finished">What is done, and receives what gets done.</param>
    /// <param name="pattern">Which rows (<see cref="MethodRow.Matches"/>).</param>
    /// <param name="limit">Most evaluation images.</param>
    public static void Run(string data, FinishedRows finished, string pattern, int limit)
    {
        foreach (var rows in MethodRow.All.Where(r => r.Matches(pattern)).GroupBy(r => r.Model))
        {
            var done = finished.Read().Select(r => r.Key).ToHashSet();
            var left = rows.Where(r => !done.Contains(r.Key)).ToArray();
            if (left.Length == 0)
                continue;
            var subject = Subject.All.Single(s => s.Name == rows.Key);
            var judge = new Judge(subject, data, limit);
            foreach (var row in left)
            {
                var options = row.Options;
                var samples = Unlabelled.Of(subject.Calibration(data, row.Images, row.Seed));
                var watch = Stopwatch.StartNew();
                var result = new ModelQuantizer(options).Quantize(judge.Model, samples);
                double seconds = watch.Elapsed.TotalSeconds;
                var (change, agreement, kl) = judge.Of(result.Portable, options.Run);
                var line = new FinishedRow(row.Key, judge.Images, result.AverageBits, change, agreement, kl, PackedBytes(result), seconds, Held(result, options));
                finished.Add(line);
                Console.WriteLine($"{DateTime.Now:HH:mm:ss} {line}");
            }
        }
    }

    /// <summary>The int8 container has a byte for each weight, whatever its width.</summary>
    static long PackedBytes(QuantizationResult result) => result.SizeInBytes - result.Layers.Sum(l => l.Parameters) + result.Layers.Sum(l => (l.Parameters * l.Bits + 7) / 8);

    static string Held(QuantizationResult result, QuantizationOptions options)
    {
        int Of(LayerType type) => result.Layers.First(l => l.Type == type).Bits;
        string map = options.ChosenMapQuantizer.Name, gelu = options.ChosenGeluQuantizer.Name;
        return string.Create(CultureInfo.InvariantCulture,
            $"{Of(LayerType.PatchEmbedding)}, {Of(LayerType.Head)}; {options.ChosenAttentionBits}, {map}{(gelu == "uniform" ? "" : $"; fc2 {gelu}")}");
    }
}
