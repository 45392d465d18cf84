using LampQ.Quantization;

namespace LampQ.Cli;

/// <summary>What one engine took under one setting.</summary>
sealed record BenchmarkRun
{
    public const string LampQ = "lampq", OnnxRuntime = "onnxruntime", OnnxRuntimeOnOther = "onnxruntime-against";

    public required string Engine { get; init; }
    public required string Model { get; init; }
    public required int Threads { get; init; }
    public required int Batch { get; init; }
    public required double MedianMs { get; init; }
    public required double BestMs { get; init; }
    public required double SpreadMs { get; init; }
    public required int Runs { get; init; }

    public static BenchmarkRun Of(string engine, string model, int threads, int batch, Timing timing) => new()
    {
        Engine = engine,
        Model = model,
        Threads = threads,
        Batch = batch,
        MedianMs = timing.MedianMs,
        BestMs = timing.BestMs,
        SpreadMs = timing.SpreadMs,
        Runs = timing.Runs,
    };
}

/// <summary>How many times faster LampQ is, medians; null without such an engine.</summary>
sealed record BenchmarkRatio(int Threads, int Batch, double? AgainstFp32, double? AgainstOnnxRuntimeInt8)
{
    public static BenchmarkRatio Of(IReadOnlyList<BenchmarkRun> setting)
    {
        var own = setting.Single(r => r.Engine == BenchmarkRun.LampQ);
        return new(own.Threads, own.Batch, Against(BenchmarkRun.OnnxRuntimeOnOther), Against(BenchmarkRun.OnnxRuntime));

        double? Against(string engine) => setting.SingleOrDefault(r => r.Engine == engine)?.MedianMs / own.MedianMs;
    }
}

/// <summary>How fast models run on this CPU.</summary>
sealed record BenchmarkReport : Report
{
    public required string Model { get; init; }
    public required string? Against { get; init; }
    public required string Cpu { get; init; }
    public required string OnnxRuntime { get; init; }
    public required IReadOnlyList<string> Kernels { get; init; }
    public required string WaitingThreads { get; init; }
    public required IReadOnlyList<BenchmarkRun> Runs { get; init; }
    public required IReadOnlyList<BenchmarkRatio> Ratios { get; init; }

    protected override void WriteText(TextWriter output)
    {
        output.WriteLine($"cpu          {Cpu}");
        output.WriteLine($"kernel       {string.Join(", ", Kernels)}");
        output.WriteLine($"ONNX Runtime {OnnxRuntime}; waiting threads {WaitingThreads}");
        output.WriteLine();
        var table = new TextTable("engine", "model", ">threads", ">batch", ">median ms", ">best ms", ">spread ms", ">runs");
        foreach (var run in Runs)
            table.Add(run.Engine, run.Model, Figures.Count(run.Threads), Figures.Count(run.Batch), Figures.Fixed(run.MedianMs, 2), Figures.Fixed(run.BestMs, 2), Figures.Fixed(run.SpreadMs, 2), Figures.Count(run.Runs));
        table.Write(output);
        output.WriteLine();
        output.WriteLine("LampQ is so many times faster:");
        var ratios = new TextTable(">threads", ">batch", Against is null ? ">than --against (not given)" : $">than ONNX Runtime on {Against}", ">than ONNX Runtime on the same file");
        foreach (var ratio in Ratios)
            ratios.Add(Figures.Count(ratio.Threads), Figures.Count(ratio.Batch), Times(ratio.AgainstFp32), Times(ratio.AgainstOnnxRuntimeInt8));
        ratios.Write(output);
    }

    static string Times(double? ratio) => ratio is { } r ? Figures.Fixed(r, 2) : "-";
}
