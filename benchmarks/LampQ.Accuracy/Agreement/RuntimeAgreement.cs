using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Accuracy;

/// <summary>
/// Whether LampQ's kernels answer as ONNX Runtime does on the same integers, beside how far ONNX Runtime's own two ways to run them are apart: optimized (its
/// integer kernels) and as the graph is written (float products of dequantized codes).
/// </summary>
static class RuntimeAgreement
{
    static readonly RunSettings run = new() { BatchSize = 4 };

    /// <summary>The page. Quantized models that the folder lacks are made and kept there, so that a second run judges the same files.</summary>
    public static string Write(string data, string models, int limit)
    {
        Directory.CreateDirectory(models);
        var text = new StringWriter();
        text.WriteLine("# LampQ's kernels and ONNX Runtime on the same integers\n");
        text.WriteLine($"Written by `LampQ.Accuracy agreement` on {DateTime.UtcNow:yyyy-MM-dd}: {Machine()}. Portable files of `lampq quantize --compensate none --weight-scale mse`, evaluation images.");
        text.WriteLine("\"optimized\" is ONNX Runtime as everybody runs it; \"as written\" is the same file without graph optimizations, whose products of dequantized codes are float.");
        text.WriteLine("Distance: ‖a − b‖ over all logits, divided by ‖optimized − fp32‖.\n");
        text.WriteLine("| model | bits | images | a | b | same class | KL(b ‖ a), nats | distance | top-1 of a − b, points |\n|---|---|--:|---|---|--:|--:|--:|--:|");
        var codes = new StringWriter();
        foreach (var subject in Subject.All)
        {
            var evaluation = subject.Evaluation(data, limit);
            int?[] labels = [.. Enumerable.Range(0, evaluation.Count).Select(evaluation.Label)];
            var exact = Outputs(new OnnxSession(File.ReadAllBytes(subject.Path(data))), evaluation);
            foreach (var (bits, options) in new (string, QuantizationOptions)[]
                { ("8", new() { Method = AllocationMethod.Uniform, UniformBits = 8 }), ("4 on average", new()) })
            {
                var quantized = Quantized(subject, data, Path.Combine(models, $"{Path.GetFileNameWithoutExtension(subject.File)}.{bits[0]}.onnx"), options);
                byte[] file = quantized.ToBytes();
                var lampq = Outputs(LampQSession.Load(file), evaluation);
                var optimized = Outputs(new OnnxSession(file), evaluation);
                var asWritten = Outputs(new OnnxSession(file, new OnnxSessionOptions { Optimize = false }), evaluation);
                double noise = Distance(optimized, exact);
                foreach (var (nameA, a, nameB, b) in new[]
                {
                    ("LampQ", lampq, "optimized", optimized), ("LampQ", lampq, "as written", asWritten), ("as written", asWritten, "optimized", optimized), ("optimized", optimized, "fp32", exact), ("LampQ", lampq, "fp32", exact),
                })
                    text.WriteLine($"| {subject.Name} | {bits} | {evaluation.Count} | {nameA} | {nameB} | {a.Agreement(b):P2} | {b.MeanKl(a):F5} | {Distance(a, b) / noise:F3} | {100 * (a.TopK(labels, 1) - b.TopK(labels, 1)):F2} |");
                Console.WriteLine($"{DateTime.Now:HH:mm:ss} {subject.Name}, {bits}");
                codes.Write(CodeDifferences.Table($"{subject.Name}, {bits} bits", quantized, evaluation));
            }
        }
        text.WriteLine("\n## Codes that differ\n");
        text.WriteLine("Share of the codes at the input of each layer that differ between LampQ and ONNX Runtime as written, one image, and the largest difference in steps. A code differs where the value lies at a tie");
        text.WriteLine("within float rounding; each one that does is an error of a step like those quantization makes everywhere, and the next block's values carry it on.\n");
        text.Write(codes);
        return text.ToString();
    }

    static string Machine()
    {
        var found = Diagnosis.OfThisProcess();
        return $"{found.Processor}, ONNX Runtime {found.OnnxRuntime}, kernel {found.IntegerKernels.Last(k => k.Offered).Name}";
    }

    static Model Quantized(Subject subject, string data, string path, QuantizationOptions options)
    {
        if (!File.Exists(path))
            new ModelQuantizer(Rows.ToNearest(options)).Quantize(Model.Read(subject.Path(data)), Unlabelled.Of(subject.Calibration(data, AccuracyTables.CalibrationImages))).Portable.Write(path);
        return Model.Read(path);
    }

    static ModelOutputs Outputs(ModelSession session, SampleSet samples)
    {
        using (session)
            return ModelOutputs.Of(session, samples, run);
    }

    static double Distance(ModelOutputs a, ModelOutputs b) => Math.Sqrt(a.Scores.Zip(b.Scores, (x, y) => x.Zip(y, (p, q) => Math.Pow(p - q, 2)).Sum()).Sum());
}
