using System.Diagnostics;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Solver;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.Cli;

/// <summary>One quantization: checks model, data and budget in this order, measures the float model, quantizes, compares, writes, reports.</summary>
/// <param name="request">What to do.</param>
/// <param name="terminal">Where to tell it.</param>
sealed class QuantizeRun(QuantizeRequest request, Terminal terminal)
{
    readonly Stopwatch total = Stopwatch.StartNew();

    public int Run()
    {
        terminal.Cancellation.ThrowIfCancellationRequested();
        foreach (string note in request.Notes)
            terminal.Note(note);

        var classifier = ClassifierModel.Read(request.Model);
        long fp32Bytes = SizeAsOneFile(classifier);
        var structure = FloatModel.Check(classifier.Model, request.Model, request.Options.Container);
        foreach (var one in request.BitsFor)
            one.Check(structure);
        var run = CommonOptions.Run(request.Threads, request.Batch, classifier);
        using var session = classifier.Open(run.Session);
        int? classes = classifier.FixedShape is { } shape ? classifier.CountClasses(session, shape) : null;
        terminal.Cancellation.ThrowIfCancellationRequested();

        var (samples, preprocessing) = OpenSamples(classifier);
        if (request.Options.Recipe.Refusal(samples.Count) is { } refusal)
            throw CommandError.Usage(refusal);
        classes ??= classifier.CountClasses(session, samples.Shape);
        LoadAll(samples, classes.Value, run);
        RefuseTargetBelowWidths();
        double loaded = total.Elapsed.TotalSeconds;

        var baseline = CommandError.BlameModelOrData(request.Model, request.Data ?? "synthetic", () => ModelOutputs.Of(session, samples, run, terminal.Cancellation));
        var fp32 = Evaluation.Of(baseline, samples);
        terminal.Report(fp32.Top1 is { } top1
            ? string.Create(CultureInfo.InvariantCulture, $"fp32 baseline: top-1 {Figures.Percent(top1)} of {fp32.Labelled} labelled images")
            : $"fp32 baseline: no labels: agreement only ({fp32.Images} images)");
        double measured = total.Elapsed.TotalSeconds;

        var result = Quantize(classifier, samples, run);
        double quantized = total.Elapsed.TotalSeconds;

        byte[] bytes = result.Model.ToBytes();
        RefuseFileAboveSize(bytes.LongLength);
        // The graph is the simulator: what is said about accuracy is what plain ONNX Runtime computes. Time is that of the kernels the file is for.
        using var after = LoadWritten(result.Portable.ToBytes(), run.Session);
        using var fast = LoadPacked(bytes, run.Session);
        terminal.Report("comparing with fp32");
        var evaluation = Evaluation.Of(ModelOutputs.Of(after, samples, run, terminal.Cancellation), samples, baseline);
        var input = samples.Take(classifier.FixedBatch ?? 1).Tensors(run with { BatchSize = classifier.FixedBatch ?? 1 }, terminal.Cancellation).First();
        var latency = LatencyComparison.Measure(session, fast, input, cancellation: terminal.Cancellation);
        double compared = total.Elapsed.TotalSeconds;

        terminal.Cancellation.ThrowIfCancellationRequested();
        WriteFile(result.Model);
        double written = total.Elapsed.TotalSeconds;

        terminal.Report($"wrote '{request.Output}'");
        var seconds = new SecondsLine(loaded, measured - loaded, result.Seconds.Calibrate, result.Seconds.Sensitivity, result.Seconds.Solve, result.Seconds.Refine, result.Seconds.Compensate, result.Seconds.Reconstruct,
            result.Seconds.Write + written - compared, compared - quantized, written);
        QuantizeReport.Of(request, result, structure, fp32Bytes, bytes.LongLength, fp32, evaluation, latency, fast.EngineName, seconds, preprocessing)
            .Write(terminal.Output, request.Format);
        return ExitCodes.Ok;
    }

    /// <summary>Length of the model's file; where weights lie beside it, of one file that holds them.</summary>
    static long SizeAsOneFile(ClassifierModel classifier) => classifier.Model.HasExternalData ? classifier.Model.ToBytes().LongLength : new FileInfo(classifier.Path).Length;

    (SampleSet Samples, string? Preprocessing) OpenSamples(ClassifierModel classifier)
    {
        SampleSet samples;
        string? preprocessing = null;
        if (request.Data is { } path)
        {
            var input = DataInput.Open(path, classifier, request.Preprocessing, terminal);
            samples = input.Samples.Sample(request.Images, request.Options.Seed);
            preprocessing = input.Preprocessing;
            if (samples.Count < request.Images)
                terminal.Note($"'{path}' holds {samples.Count} images; all of them are used ({request.Images} were asked for).");
        }
        else
        {
            var shape = classifier.FixedShape
                ?? throw CommandError.Usage($"--synthetic needs a model with a fixed input size; the input '{classifier.InputName}' of '{classifier.Path}' takes [{string.Join(",", classifier.SampleShape)}]. Give --data.");
            terminal.Note("calibrating on random numbers (--synthetic): the result says nothing about real images.");
            samples = SampleSet.Synthetic(request.Images, shape, request.Options.Seed);
        }
        // As the library does, so that both models are compared on the images that calibrated.
        classifier.CheckCount(samples.Count);
        if (classifier.FixedBatch is > 1 and var batch && samples.Count % batch != 0)
        {
            terminal.Note($"{samples.Count - samples.Count % batch} of {samples.Count} images are used: the model takes {batch} at once.");
            samples = samples.Take(samples.Count - samples.Count % batch);
        }
        return (samples, preprocessing);
    }

    /// <summary>Finds pictures that do not decode before any work is done; small sets stay decoded.</summary>
    void LoadAll(SampleSet samples, int classes, RunSettings run) => CommandError.BlameData(request.Data ?? "synthetic", () =>
    {
        samples.CheckLabels(classes);
        foreach (var _ in samples.Batches(run.BatchSize))
            terminal.Cancellation.ThrowIfCancellationRequested();
    });

    void RefuseTargetBelowWidths()
    {
        int least = request.Options.Bits.Min();
        if (request.Options.Method == AllocationMethod.LampQ && request.MaxSize is null && request.TargetBits < least)
            throw new CommandError(ExitCodes.Budget, string.Create(CultureInfo.InvariantCulture,
                $"--target-bits is {request.TargetBits}, but the smallest reachable average is {least} (every layer at {least} bits). Raise the budget{(least > 2 ? " or offer fewer bits by --bits" : "")}."));
    }

    // The solver keeps the budget by count. The file has the last word, which matters where --bits-for leaves the solver nothing to choose.
    void RefuseFileAboveSize(long sizeInBytes)
    {
        if (request.Options.Method == AllocationMethod.LampQ && request.MaxSize is { } size && sizeInBytes > size)
            throw new CommandError(ExitCodes.Budget, $"--max-size is {SizeText.Of(size)}, but the file has {Figures.Count(sizeInBytes)} bytes. Raise the budget or give fewer bits by --bits-for.");
    }

    QuantizationResult Quantize(ClassifierModel classifier, SampleSet samples, RunSettings run)
    {
        var options = request.Options with { Run = run };
        try
        {
            return CommandError.BlameModelOrScratchFile(request.Model, () => new ModelQuantizer(options, terminal).Quantize(classifier.Model, samples, terminal.Cancellation));
        }
        catch (InfeasibleBudgetException e)
        {
            throw new CommandError(ExitCodes.Budget, Explain(e), e);
        }
    }

    string Explain(InfeasibleBudgetException e) => e.Proof.Certificate switch
    {
        { Violated.Name: "latency" } certificate => string.Create(CultureInfo.InvariantCulture,
            $"--max-latency is {request.Options.MaxLatencyInMilliseconds} ms, but the smallest reachable under the other budgets is predicted to take {certificate.SmallestTotal / 1e6:F3} ms on this CPU. Raise the budget."),
        // The solver counts what the groups' weights take; the user counts the whole file.
        { Violated.Name: "file size" } certificate when request.MaxSize is { } size =>
            $"--max-size is {SizeText.Of(size)}, but the smallest reachable file has {Figures.Count(certificate.SmallestTotal + request.Options.MaxSizeInBytes!.Value - certificate.Violated.Limit)} bytes. Raise the budget{(request.Options.Bits.Min() > 4 ? " or offer 4 bits or fewer by --bits" : "")}.",
        _ => e.Message,
    };

    static OnnxSession LoadWritten(byte[] bytes, OnnxSessionOptions options)
    {
        var problems = ModelChecker.Check(bytes);
        if (problems.Count > 0)
            throw new InvalidOperationException($"The quantized model is not valid ONNX, and is not written: {string.Join("; ", problems.Take(5))}{(problems.Count > 5 ? $"; and {problems.Count - 5} more" : "")}.");
        return new OnnxSession(bytes, options);
    }

    static LampQSession LoadPacked(byte[] bytes, OnnxSessionOptions options) => LampQSession.Load(bytes, new LampQSessionOptions(options));

    void WriteFile(Model model)
    {
        try
        {
            model.Write(request.Output);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandError(ExitCodes.Usage, $"--output '{request.Output}' cannot be written: {e.Message}", e);
        }
    }
}
