using System.Globalization;
using System.Text.Json;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace LampQ.Speed;

/// <summary>Where the time of a packed DeiT-S-like model goes, operator by operator, from ONNX Runtime's own profiler.</summary>
static class OperatorProfile
{
    const int Tokens = 197, WarmUps = 5;
    const string Others = "all others";

    /// <summary>Nodes alike: what they are called, multiplications and additions of a run in all of them (0 where they do not multiply matrices), and milliseconds of a run.</summary>
    sealed record Kind(string Name, int Nodes, double Operations, double Milliseconds);

    /// <summary>Builds the model with 8- and 4-bit weights, profiles it at batch 1 and 8 on one thread, and writes the page.</summary>
    public static void Write(string models, string results, string title)
    {
        Directory.CreateDirectory(models);
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine($"# Operators of the DeiT-S-like model on {title}\n");
        text.WriteLine($"Written by `LampQ.Speed profile`: the packed model on one thread in ONNX Runtime {Diagnosis.OfThisProcess().OnnxRuntime}, whose profiler timed each node; medians over runs of the sum of nodes alike.");
        text.WriteLine("GOPS: 2·M·K·N of these nodes over their time, epilogues included. Attention: Q·Kᵀ and P·V. \"class token\": the last block computes only what that needs.\n");
        foreach (int batch in new[] { 1, 8 })
            foreach (int bits in new[] { 8, 4 })
            {
                string packed = Path.Combine(models, $"deit-s.packed.{bits}.onnx");
                new Lowering().Apply(VitSpeedModel.Build(384, 6, bits, Spelling.Qdq)).Write(packed);
                var kinds = Profile(packed, batch, batch == 1 ? 40 : 10);
                double total = kinds.Sum(k => k.Milliseconds);
                text.WriteLine($"## Batch {batch}, {bits} bits: {total:F2} ms\n\n| operator | nodes | ms | share | GOPS |\n|---|--:|--:|--:|--:|");
                foreach (var (name, nodes, operations, ms) in kinds.OrderByDescending(k => k.Milliseconds))
                    text.WriteLine($"| {name} | {nodes} | {ms:F2} | {ms / total:P1} | {(operations > 0 ? $"{operations / ms / 1e6:F0}" : "")} |");
                text.WriteLine();
            }
        File.WriteAllText(results, text.ToString().TrimEnd() + "\n");
    }

    static List<Kind> Profile(string path, int batch, int runs)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, EnableProfiling = true, ProfileOutputPathPrefix = Path.ChangeExtension(path, ".profile") };
        options.RegisterLampQ();
        string file;
        using (var session = new InferenceSession(path, options))
        {
            var pixels = new DenseTensor<float>(Engine.Pixels(batch), new[] { batch, 3, 224, 224 });
            for (int run = 0; run < WarmUps + runs; run++)
                session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames[0], pixels)]).Dispose();
            file = session.EndProfiling();
        }
        using var trace = JsonDocument.Parse(File.ReadAllBytes(file));
        File.Delete(file);
        var nodes = Model.Read(path).Graph.Nodes.ToDictionary(n => n.Name);
        var kinds = new Dictionary<string, (string Name, double Operations, List<double> Milliseconds)>();
        foreach (var entry in trace.RootElement.EnumerateArray())
            if (entry.GetProperty("cat").GetString() == "Node" && entry.GetProperty("name").GetString() is { } name && name.EndsWith("_kernel_time", StringComparison.Ordinal))
            {
                string node = name[..^"_kernel_time".Length];
                if (!kinds.TryGetValue(node, out var kind))
                {
                    var (what, operations) = Describe(entry.GetProperty("args"), nodes.GetValueOrDefault(node));
                    kinds[node] = kind = (what, operations, []);
                }
                kind.Milliseconds.Add(entry.GetProperty("dur").GetDouble() / 1000);
            }
        return [.. kinds.Values.GroupBy(k => k.Name)
            .Select(g => new Kind(g.Key, g.Count(), g.Sum(k => k.Operations), Timing.Of(Enumerable.Range(WarmUps, runs).Select(run => g.Sum(k => k.Milliseconds[run]))).MedianMs))];
    }

    /// <summary>Nodes of one name are added up; operations are those of the whole batch.</summary>
    static (string Name, double Operations) Describe(JsonElement profiled, Node? node)
    {
        string op = profiled.GetProperty("op_name").GetString()!;
        long[] output = [.. profiled.GetProperty("output_type_shape")[0].EnumerateObject().First().Value.EnumerateArray().Select(d => d.GetInt64())];
        if (node is null || output.Length != 3)
            return (op is "Conv" ? op : Others, 0);
        string part = output[1] == Tokens ? "" : ", class token";
        double rows = output[0] * output[1];
        if (node.Int("in_features") is > 0 and var columns)
            return ($"{op} {columns} → {node.Int("out_features")}{part}", 2 * rows * columns * node.Int("out_features"));
        return op.StartsWith("Attention", StringComparison.Ordinal) ? (op + part, 4 * rows * Tokens * output[2]) : op.StartsWith("LayerNorm", StringComparison.Ordinal) ? (op, 0) : (Others, 0);
    }
}
