using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Accuracy;

/// <summary>Whether mixed widths beat uniform ones at the same bytes of the packed file, run on LampQ's kernels.</summary>
static class PackedWidths
{
    /// <summary>The page. Widths are chosen on calibration images alone; the evaluation images are only judged.</summary>
    public static string Write(string data, int limit)
    {
        var text = new StringWriter();
        text.WriteLine("# Mixed and uniform widths at the same packed bytes\n");
        text.WriteLine($"Written by `LampQ.Accuracy widths` on {DateTime.UtcNow:yyyy-MM-dd}: `lampq quantize --export packed --compensate none --weight-scale mse`, {AccuracyTables.CalibrationImages} calibration images, LampQ's kernels, evaluation images. KL(fp32 ‖ quantized).\n");
        text.WriteLine("| model | widths | packed bytes | images | KL, nats | same class as fp32 | top-1 against fp32, points |\n|---|---|--:|--:|--:|--:|--:|");
        foreach (var subject in Subject.All)
        {
            var judge = new Judge(subject, data, limit);
            var calibration = Unlabelled.Of(subject.Calibration(data, AccuracyTables.CalibrationImages));
            foreach (int bits in new[] { 4, 3 })
                foreach (var (name, options) in new (string, QuantizationOptions)[]
                    { ($"uniform {bits}", new() { Method = AllocationMethod.Uniform, UniformBits = bits }), ($"mixed, {bits} on average", new() { TargetBits = bits }) })
                {
                    byte[] packed = new ModelQuantizer(Rows.ToNearest(options) with { Export = ExportFormat.Packed }).Quantize(judge.Model, calibration).Model.ToBytes();
                    using var session = LampQSession.Load(packed);
                    var (change, agreement, kl) = judge.Of(session, new RunSettings());
                    string row = $"| {subject.Name} | {name} | {packed.Length:N0} | {judge.Images} | {kl:F4} | {agreement:P2} | {100 * change:F2} |";
                    text.WriteLine(row);
                    Console.WriteLine($"{DateTime.Now:HH:mm:ss} {row}");
                }
        }
        return text.ToString();
    }
}
