using System.Globalization;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Solver;

namespace LampQ.Cli;

/// <summary>What one layer got.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it does.</param>
/// <param name="Shape">As in <see cref="LayerLine"/>.</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Sensitivity">The metric's number for the layer's group; null where the width was given.</param>
/// <param name="Bits">Bits a weight.</param>
sealed record QuantizedLayerLine(string Name, string Type, IReadOnlyList<long> Shape, long Parameters, double? Sensitivity, int Bits);

/// <summary>Size of both models as one file each, all weights inside.</summary>
sealed record BytesLine(long Fp32, long Quantized);

/// <summary>Seconds of each stage, and of all from the start of the command to the written file.</summary>
sealed record SecondsLine(double Load, double Baseline, double Calibrate, double Sensitivity, double Solve, double Refine, double Compensate, double Reconstruct, double Write, double Compare, double Total);

/// <summary>How both models do on the calibration images.</summary>
/// <param name="Images">How many.</param>
/// <param name="Labelled">How many have a class.</param>
/// <param name="Fp32Top1">Share of right answers of the float model; null without labels.</param>
/// <param name="Top1">Share of right answers of the quantized model; null without labels.</param>
/// <param name="Agreement">Share of images both give the same answer for.</param>
/// <param name="MeanKl">Mean KL(fp32 ‖ quantized) in nats.</param>
sealed record AccuracyLine(int Images, int Labelled, double? Fp32Top1, double? Top1, double Agreement, double MeanKl);

/// <summary>Median milliseconds an image of both models, run in turn on this CPU: fp32 by ONNX Runtime, quantized by the engine named.</summary>
sealed record LatencyLine(double Fp32, double Quantized, int Threads, int Batch, int Rounds, string Engine);

/// <summary>What the solver proved about the allocation refinement started from.</summary>
sealed record ProofLine(string Status, string Solver, double? Damage, double LowerBound, double? Gap, string Text)
{
    public static ProofLine? Of(AllocationProof? proof) => proof is null ? null
        : new(proof.Status.ToString().ToLowerInvariant(), proof.Solver, proof.Damage, proof.LowerBound, proof.AbsoluteGap, proof.Describe());
}

/// <summary>One allocation of a front: its total in the first budget's unit, the damage predicted, and the parameter-weighted mean width.</summary>
sealed record FrontLine(long Total, double Damage, double AverageBits);

/// <summary>How a quantized model came about, and what it costs.</summary>
sealed record QuantizeReport : Report
{
    public required string Model { get; init; }
    public required string Output { get; init; }
    public required string Method { get; init; }
    public required string Profile { get; init; }
    public required string Container { get; init; }
    public required string Export { get; init; }
    public required string? Metric { get; init; }
    public required string Compensation { get; init; }
    public required int AttentionBits { get; init; }
    public required string MapQuantizer { get; init; }
    public required string GeluQuantizer { get; init; }

    // Uniform codes are what everybody expects.
    string Codes => (MapQuantizer == "uniform" ? "" : $", map {MapQuantizer}") + (GeluQuantizer == "uniform" ? "" : $", behind GELU {GeluQuantizer}");
    public required double? TargetBits { get; init; }
    public required long? MaxSize { get; init; }
    public required string? Data { get; init; }
    public required string? Preprocessing { get; init; }
    public required int Seed { get; init; }
    public required double AverageBits { get; init; }
    public required AccuracyLine Accuracy { get; init; }
    public required BytesLine Bytes { get; init; }
    public required LatencyLine Milliseconds { get; init; }
    public required SecondsLine Seconds { get; init; }
    public required ProofLine? Proof { get; init; }
    public required string? Allocation { get; init; }
    public required long? MaxBops { get; init; }
    public required double? MaxLatency { get; init; }
    public required double? PredictedLatency { get; init; }
    public required IReadOnlyList<FrontLine> Front { get; init; }
    public required IReadOnlyList<RefinementStep> Refinement { get; init; }
    public required IReadOnlyList<QuantizedLayerLine> Layers { get; init; }
    public required IReadOnlyList<UnrecognizedLine> Unrecognized { get; init; }
    public required IReadOnlyList<string> Notes { get; init; }

    public static QuantizeReport Of(QuantizeRequest request, QuantizationResult result, ModelStructure structure, long fp32Bytes, long quantizedBytes, Evaluation fp32,
        Evaluation quantized, LatencyComparison latency, string engine, SecondsLine seconds, string? preprocessing)
    {
        var shapes = structure.Layers.ToDictionary(l => l.Name, LayerLine.ShapeOf);
        bool allocates = request.Options.Method == AllocationMethod.LampQ;
        return new QuantizeReport
        {
            Model = request.Model,
            Output = request.Output,
            Method = request.Options.MethodName,
            Profile = request.Options.Profile.ToString().ToLowerInvariant(),
            Container = request.Options.Container.ToString().ToLowerInvariant(),
            Export = request.Options.Export.ToString().ToLowerInvariant(),
            Metric = result.Sensitivity?.Metric,
            Compensation = request.Options.Compensation.Name,
            AttentionBits = request.Options.ChosenAttentionBits,
            MapQuantizer = request.Options.ChosenMapQuantizer.Name,
            GeluQuantizer = request.Options.ChosenGeluQuantizer.Name,
            TargetBits = allocates && request.MaxSize is null ? request.TargetBits : null,
            MaxSize = request.MaxSize,
            Data = request.Data,
            Preprocessing = preprocessing,
            Seed = request.Options.Seed,
            AverageBits = result.AverageBits,
            Accuracy = new AccuracyLine(quantized.Images, quantized.Labelled, fp32.Top1, quantized.Top1, quantized.Agreement!.Value, quantized.MeanKl!.Value),
            Bytes = new BytesLine(fp32Bytes, quantizedBytes),
            Milliseconds = new LatencyLine(latency.First, latency.Second, CommonOptions.ThreadsUsed(request.Threads), latency.Batch, latency.Rounds, engine),
            Seconds = seconds,
            Proof = ProofLine.Of(result.Answer?.Proof),
            Allocation = allocates ? request.Options.Rule.Name : null,
            MaxBops = allocates ? request.Options.MaxBitOperations : null,
            MaxLatency = allocates ? request.Options.MaxLatencyInMilliseconds : null,
            PredictedLatency = result.PredictedMilliseconds,
            Front = [.. result.Front.Select(a => new FrontLine(a.Totals[0], a.Damage, MeanBits(a, result)))],
            Refinement = result.Refinement,
            Layers = [.. result.Layers.Select(l => new QuantizedLayerLine(l.Name, l.Type.Word(), shapes.GetValueOrDefault(l.Name) ?? [], l.Parameters, l.Sensitivity, l.Bits))],
            Unrecognized = UnrecognizedLine.Of(result.Unrecognized),
            Notes = [.. request.Notes, .. result.Notes, .. Int4Note(request.Options)],
        };
    }

    static double MeanBits(BitAllocation allocation, QuantizationResult result)
    {
        var bits = allocation.BitsByName();
        var layers = result.Layers.Where(l => bits.ContainsKey(l.Group)).ToArray();
        return layers.Sum(l => (double)l.Parameters * bits[l.Group]) / layers.Sum(l => l.Parameters);
    }

    static IEnumerable<string> Int4Note(QuantizationOptions options) => options is { Container: WeightContainer.Int4, Export: ExportFormat.Portable }
        ? ["Stock ONNX Runtime dequantizes int4 weights on every run and multiplies in float: the file is small, not fast. --container int8 is fast."]
        : [];

    protected override void WriteText(TextWriter output)
    {
        var table = new TextTable("layer", "type", ">shape", ">parameters", ">sensitivity", ">bits");
        foreach (var layer in Layers)
            table.Add(layer.Name, layer.Type, Figures.Shape(layer.Shape), Figures.Count(layer.Parameters), Figures.Short(layer.Sensitivity), layer.Bits.ToString(CultureInfo.InvariantCulture));
        table.Write(output);
        UnrecognizedLine.Write(output, Unrecognized);

        output.WriteLine();
        output.WriteLine($"method        {Method}{(Metric is null ? "" : $", {Metric}, {Allocation}")}; profile {Profile}, compensation {Compensation}, {(Export == "packed" ? "packed" : $"container {Container}")}, attention {AttentionBits} bits{Codes}");
        output.WriteLine($"average bits  {Figures.Fixed(AverageBits, 4)}{(TargetBits is { } target ? $" (budget {Figures.Short(target)})" : MaxSize is { } size ? $" (budget {SizeText.Of(size)})" : "")}");
        if (Proof is not null)
            output.WriteLine($"proof         {Proof.Text}");
        if (PredictedLatency is { } predicted)
            output.WriteLine($"latency       {Figures.Fixed(predicted, 3)} ms a run predicted (budget {Figures.Short(MaxLatency)}), {Figures.Fixed(Milliseconds.Quantized * Milliseconds.Batch, 3)} measured");
        foreach (var point in Front)
            output.WriteLine($"front         {Figures.Fixed(point.AverageBits, 3)} bits, damage {Figures.Short(point.Damage)}");
        if (Refinement.Count > 0)
            output.WriteLine($"refinement    {Refinement.Count(s => s.Accepted)} of {Refinement.Count} pairs kept");
        output.WriteLine($"seconds       {Figures.Fixed(Seconds.Total, 1)} (load {Figures.Fixed(Seconds.Load, 1)}, baseline {Figures.Fixed(Seconds.Baseline, 1)}, calibrate {Figures.Fixed(Seconds.Calibrate, 1)}, "
            + $"sensitivity {Figures.Fixed(Seconds.Sensitivity, 1)}, solve {Figures.Fixed(Seconds.Solve, 1)}, refine {Figures.Fixed(Seconds.Refine, 1)}, compensate {Figures.Fixed(Seconds.Compensate, 1)}, reconstruct {Figures.Fixed(Seconds.Reconstruct, 1)}, write {Figures.Fixed(Seconds.Write, 1)}, compare {Figures.Fixed(Seconds.Compare, 1)})");

        output.WriteLine();
        output.WriteLine($"on {Accuracy.Images} calibration images{(Accuracy.Labelled == 0 ? " (no labels: agreement only)" : "")}{(Compensation == ErrorCompensation.None.Name ? "" : "; errors were compensated on these very images, 'lampq eval' on others says more")}");
        var comparison = new TextTable("", ">fp32", ">quantized");
        comparison.Add("top-1", Figures.Percent(Accuracy.Fp32Top1), Figures.Percent(Accuracy.Top1));
        comparison.Add("agreement", "", Figures.Percent(Accuracy.Agreement));
        comparison.Add("mean KL", "", Figures.Short(Accuracy.MeanKl));
        comparison.Add("bytes", Figures.Count(Bytes.Fp32), Figures.Count(Bytes.Quantized));
        comparison.Add("ms per image", Figures.Fixed(Milliseconds.Fp32, 3), Figures.Fixed(Milliseconds.Quantized, 3));
        comparison.Write(output);
        output.WriteLine($"  (medians of {Milliseconds.Rounds} runs in turn, batch {Milliseconds.Batch}, {Milliseconds.Threads} threads, this CPU; fp32 by ONNX Runtime, quantized by {Milliseconds.Engine})");
        foreach (string note in Notes)
            output.WriteLine($"note: {note}");
        output.WriteLine($"wrote {Output}");
    }
}
