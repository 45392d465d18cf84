using System.CommandLine;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary><c>lampq eval MODEL --data PATH</c>: how good a model is, and how close to another one.</summary>
sealed class EvalCommand
{
    readonly Argument<string> model = CommonOptions.Model();
    readonly Option<string> data = new("--data") { HelpName = "PATH", Required = true, Description = "A labels.tsv (file, tab, class), a folder of images or .npy arrays, or one .npy file [N, ..]." };
    readonly Option<int?> limit = OptionParsing.Optional<int?>("--limit", "N", "Only the first N images. Default: all.", text => OptionParsing.Whole(1)(text));
    readonly Option<string> reference = new("--reference") { HelpName = "FP32.onnx", Description = "Also measures agreement with this model and the mean KL divergence from it." };
    readonly Option<int> threads = CommonOptions.Threads();
    readonly Option<int> batch = CommonOptions.Batch();
    readonly ChoiceOption<ReportFormat> format = CommonOptions.Format();
    readonly PreprocessingOptions preprocessing = new();

    public static Command Create(Terminal terminal)
    {
        var eval = new EvalCommand();
        var command = new Command("eval", "Measures top-1, top-5, agreement with and mean KL from a reference, and images per second.")
        {
            eval.model, eval.data, eval.limit, eval.reference,
        };
        eval.preprocessing.AddTo(command);
        foreach (Option option in new Option[] { eval.batch, eval.threads, eval.format })
            command.Options.Add(option);
        command.SetAction(parsed => eval.Run(parsed, terminal));
        return command;
    }

    int Run(ParseResult parsed, Terminal terminal)
    {
        string path = parsed.GetRequiredValue(data);
        string? referencePath = parsed.GetValue(reference);
        int threadCount = parsed.GetValue(threads);
        var choice = preprocessing.Read(parsed);
        terminal.Cancellation.ThrowIfCancellationRequested();

        var classifier = ClassifierModel.Read(parsed.GetRequiredValue(model));
        var run = CommonOptions.Run(threadCount, parsed.GetValue(batch), classifier);
        using var session = classifier.Open(run.Session);
        int? classes = classifier.FixedShape is { } shape ? classifier.CountClasses(session, shape) : null;
        var other = referencePath is null ? null : ClassifierModel.Read(referencePath);
        using var otherSession = other?.Open(run.Session);
        terminal.Cancellation.ThrowIfCancellationRequested();

        var input = DataInput.Open(path, classifier, choice, terminal);
        var samples = parsed.GetValue(limit) is { } most ? input.Samples.Take(most) : input.Samples;
        classes ??= classifier.CountClasses(session, samples.Shape);
        CommandError.BlameData(path, () => samples.CheckLabels(classes.Value));

        ModelOutputs? expected = null;
        if (other is not null)
        {
            CheckReference(other, otherSession!, samples, classes.Value, path);
            terminal.Report($"running '{referencePath}' on {samples.Count} images");
            expected = CommandError.BlameModelOrData(referencePath!, path, () =>
                ModelOutputs.Of(otherSession!, samples, CommonOptions.Run(threadCount, parsed.GetValue(batch), other), terminal.Cancellation));
        }
        terminal.Report($"running '{classifier.Path}' on {samples.Count} images");
        var evaluation = CommandError.BlameModelOrData(classifier.Path, path, () => Evaluation.Of(session, samples, run, expected, terminal.Cancellation));
        string engine = "ONNX Runtime";
        if (session is LampQSession packed)
            engine = packed.EngineName;
        else if (QuantizedModel.IsQuantized(classifier.Model, out _))
        {
            // What a QDQ graph answers is what plain ONNX Runtime computes; its speed is that of the kernels it is for.
            using var fast = classifier.OpenFast(run.Session);
            terminal.Report($"timing '{classifier.Path}' ({fast.Report})");
            engine = fast.EngineName;
            evaluation = evaluation with { ImagesPerSecond = CommandError.BlameModelOrData(classifier.Path, path, () => Evaluation.Of(fast, samples, run, null, terminal.Cancellation)).ImagesPerSecond };
        }
        if (evaluation.Labelled == 0)
            terminal.Note($"no class is known in '{path}', so that top-1 and top-5 cannot be said; a labels.tsv names them.");
        EvalReport.Of(evaluation, classifier.Path, referencePath, path, CommonOptions.ThreadsUsed(threadCount), run.BatchSize, engine, input.Preprocessing)
            .Write(terminal.Output, format.ValueIn(parsed));
        return ExitCodes.Ok;
    }

    static void CheckReference(ClassifierModel other, ModelSession session, SampleSet samples, int classes, string dataPath)
    {
        other.CheckShape(samples, dataPath);
        int otherClasses = other.CountClasses(session, samples.Shape);
        if (otherClasses != classes)
            throw CommandError.Model($"The reference '{other.Path}' has {otherClasses} classes, the model {classes}; expected two versions of one model.");
    }
}
