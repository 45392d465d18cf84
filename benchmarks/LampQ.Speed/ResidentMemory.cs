using System.Diagnostics;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Speed;

/// <summary>
/// How much resident memory a model costs: growth from a process that has run a model of one node to one that has loaded the model and run one image, each
/// model in a fresh process.
/// </summary>
static class ResidentMemory
{
    /// <summary>A measured model: growth after the first run and of the peak, medians, and the smallest growth of all processes; in bytes.</summary>
    sealed record Growth(long Settled, long Peak, long Smallest);

    /// <summary>Builds the DeiT-S-like model in float and packed, measures both, and writes the page.</summary>
    public static void Write(string models, string results, int repetitions = 9)
    {
        Directory.CreateDirectory(models);
        string fp32 = Path.Combine(models, "deit-s.float.onnx");
        VitSpeedModel.Build(384, 6, 8, Spelling.Float).Write(fp32);
        var rows = new List<(string Name, string File, Growth Growth)> { ("ONNX Runtime, fp32", fp32, Fresh("onnxruntime", fp32, repetitions)) };
        foreach (int bits in new[] { 8, 4 })
        {
            string packed = Path.Combine(models, $"deit-s.packed.{bits}.onnx");
            new Lowering().Apply(VitSpeedModel.Build(384, 6, bits, Spelling.Qdq)).Write(packed);
            rows.Add(($"LampQ, packed, {bits} bits", packed, Fresh("lampq", packed, repetitions)));
        }
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine("# Resident memory of a DeiT-S-like model\n");
        text.WriteLine($"Written by `LampQ.Speed memory`: ONNX Runtime {Diagnosis.OfThisProcess().OnnxRuntime}, one thread, batch 1, loaded by path; median of {repetitions} fresh processes.");
        text.WriteLine("Shares are of fp32 at its smallest, because it varies: now and then the C library gives back what ONNX Runtime has freed, and mostly it does not.");
        text.WriteLine("Growth by load and first run, over a process that has run a model of one node; the peak is the kernel's high-water mark on the way.\n");
        text.WriteLine("| engine | file, MB | smallest growth, MB | growth, MB | share of fp32 | peak growth, MB |\n|---|--:|--:|--:|--:|--:|");
        double fp32Growth = rows[0].Growth.Smallest;
        foreach (var (name, file, growth) in rows)
            text.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {new FileInfo(file).Length / 1e6:F1} | {growth.Smallest / 1e6:F1} | {growth.Settled / 1e6:F1} | {growth.Settled / fp32Growth:F2} | {growth.Peak / 1e6:F1} |"));
        File.WriteAllText(results, text.ToString());
        Console.Write(text);
    }

    static Growth Fresh(string engine, string path, int repetitions)
    {
        var growths = new List<(long Settled, long Peak)>();
        for (int i = 0; i < repetitions; i++)
        {
            using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. Host, "memory-of", engine, path]) { RedirectStandardOutput = true })!;
            long[] bytes = [.. process.StandardOutput.ReadToEnd().Split().Where(w => w.Length > 0).Select(long.Parse)];
            process.WaitForExit();
            growths.Add(bytes is [var settled, var peak] ? (settled, peak) : throw new InvalidOperationException($"The process that measures '{path}' ended with {process.ExitCode}."));
        }
        return new Growth(Median(g => g.Settled), Median(g => g.Peak), growths.Min(g => g.Settled));

        long Median(Func<(long Settled, long Peak), long> of) => growths.Select(of).Order().ElementAt(repetitions / 2);
    }

    // Started as `dotnet LampQ.Speed.dll`, the process is dotnet.
    static string[] Host => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(ResidentMemory).Assembly.Location] : [];

    /// <summary>The fresh process: prints the two growths.</summary>
    public static void PrintGrowth(string engine, string path)
    {
        var small = Model.Create(17);
        small.Graph.AddOutput(small.Graph.Emit("Relu", [small.Graph.AddInput("x", ElementType.Float, 1, 5)]));
        using (var warm = new OnnxSession(small, new OnnxSessionOptions { Threads = 1 }))
            warm.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Of(new float[5], 1, 5) });
        var pixels = Tensor.Of(new float[3 * 224 * 224], 1, 3, 224, 224);
        GC.Collect();
        long before = Status("VmRSS");
        using var session = Open(engine, path);
        Run(session, pixels);
        Console.WriteLine($"{Status("VmRSS") - before} {Status("VmHWM") - before}");
    }

    static IDisposable Open(string engine, string path)
    {
        if (engine == "lampq")
            return LampQSession.Load(path, new LampQSessionOptions { Threads = 1 });
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        return new InferenceSession(path, options);
    }

    static void Run(IDisposable session, Tensor pixels)
    {
        if (session is LampQSession lampq)
        {
            lampq.Run(new Dictionary<string, Tensor> { [lampq.InputNames[0]] = pixels });
            return;
        }
        var plain = (InferenceSession)session;
        using var value = OrtValue.CreateTensorValueFromMemory(pixels.ToFloats(), [.. pixels.Shape]);
        using var run = new RunOptions();
        using var results = plain.Run(run, new Dictionary<string, OrtValue> { [plain.InputNames[0]] = value }, plain.OutputNames);
    }

    /// <summary>A figure of /proc/self/status in bytes.</summary>
    static long Status(string field) =>
        1024 * long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1], CultureInfo.InvariantCulture);
}
