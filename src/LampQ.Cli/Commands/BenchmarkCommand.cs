using System.CommandLine;
using System.Globalization;
using LampQ.Onnx;
using LampQ.Quantization;
using LampQ.Runtime;

namespace LampQ.Cli;

/// <summary><c>lampq benchmark MODEL</c>: how fast a quantized model runs, on LampQ's kernels and on ONNX Runtime's own, and against another model.</summary>
sealed class BenchmarkCommand
{
    readonly Argument<string> model = CommonOptions.Model();
    readonly Option<string> against = new("--against") { HelpName = "OTHER.onnx", Description = "A model with the same input to compare with, the float one for example." };
    readonly Option<IReadOnlyList<int>> threads = OptionParsing.WithDefault("--threads", "LIST", "Numbers of threads, separated by commas.", DefaultThreads(), text => Numbers(text, 1024));
    readonly Option<IReadOnlyList<int>> batches = OptionParsing.WithDefault<IReadOnlyList<int>>("--batch", "LIST", "Numbers of images a run, separated by commas; a model whose batch is fixed has its own number.", [1], text => Numbers(text, 65_536));
    readonly Option<int> seconds = OptionParsing.WithDefault("--seconds", "N", "How long each setting is measured; five rounds at least.", 5, OptionParsing.Whole(1, 3600));
    readonly Option<bool> sleep = new("--sleep") { Description = "Waiting threads sleep instead of spinning: slower on an idle machine, faster beside busy neighbours." };
    readonly ChoiceOption<ReportFormat> format = CommonOptions.Format();

    public static Command Create(Terminal terminal)
    {
        var benchmark = new BenchmarkCommand();
        var command = new Command("benchmark", "Times a model on LampQ's kernels and on ONNX Runtime's own, and another model, in turn.")
        {
            benchmark.model, benchmark.against, benchmark.threads, benchmark.batches, benchmark.seconds, benchmark.sleep, benchmark.format,
        };
        command.SetAction(parsed => benchmark.Run(parsed, terminal));
        return command;
    }

    int Run(ParseResult parsed, Terminal terminal)
    {
        terminal.Cancellation.ThrowIfCancellationRequested();
        string path = parsed.GetRequiredValue(model);
        var subject = ClassifierModel.Read(path);
        var other = parsed.GetValue(against) is { } otherPath ? ClassifierModel.Read(otherPath) : null;
        CheckShapes(subject, other);
        bool packed = subject.Model.Opsets.ContainsKey(LampQDomain.Name);
        if (packed)
            terminal.Note($"'{path}' is packed: plain ONNX Runtime has no operators for it, so it runs on LampQ's kernels alone.");

        var runs = new List<BenchmarkRun>();
        var ratios = new List<BenchmarkRatio>();
        IReadOnlyList<int> sizes = subject.FixedBatch is { } batch ? [batch] : other?.FixedBatch is { } otherBatch ? [otherBatch] : parsed.GetValue(batches)!;
        foreach (int count in parsed.GetValue(threads)!)
            foreach (int size in sizes)
            {
                terminal.Report($"{count} thread(s), batch {size}");
                var setting = Measure(subject, other, packed, count, size, parsed, terminal.Cancellation);
                runs.AddRange(setting);
                ratios.Add(BenchmarkRatio.Of(setting));
            }
        var diagnosis = Diagnosis.OfThisProcess();
        new BenchmarkReport
        {
            Model = path,
            Against = other?.Path,
            Cpu = diagnosis.Processor,
            OnnxRuntime = diagnosis.OnnxRuntime,
            Kernels = [.. diagnosis.IntegerKernels.Where(k => k.WeightBits.Count > 0).Select(k => k.Name)],
            WaitingThreads = parsed.GetValue(sleep) ? "sleep" : "spin",
            Runs = runs,
            Ratios = ratios,
        }.Write(terminal.Output, format.ValueIn(parsed));
        return ExitCodes.Ok;
    }

    IReadOnlyList<BenchmarkRun> Measure(ClassifierModel subject, ClassifierModel? other, bool packed, int threadCount, int batch, ParseResult parsed, CancellationToken cancellation)
    {
        bool spin = !parsed.GetValue(sleep);
        var plain = new OnnxSessionOptions { Threads = threadCount, Spin = spin };
        var names = new List<(string Engine, string Path)>();
        var sessions = new List<IDisposable>();
        var engines = new List<Action>();
        try
        {
            var lampq = CommandError.BlameModel(subject.Path, () => LampQSession.Load(subject.Path, new LampQSessionOptions { Threads = threadCount, Spin = spin }));
            sessions.Add(lampq);
            var input = Input(subject, batch);
            Add(BenchmarkRun.LampQ, subject, () => lampq.Run(input, lampq.OutputNames, (_, _, _) => { }));
            if (!packed)
                AddPlain(BenchmarkRun.OnnxRuntime, subject);
            if (other is not null)
                AddPlain(BenchmarkRun.OnnxRuntimeOnOther, other);
            var timings = InterleavedTiming.Measure(engines, new TimingOptions { FewestRounds = 5, MostRounds = 1000, LongestSeconds = parsed.GetValue(seconds) }, cancellation);
            return [.. names.Zip(timings, (name, timing) => BenchmarkRun.Of(name.Engine, name.Path, threadCount, batch, timing))];
        }
        finally
        {
            foreach (var session in sessions)
                session.Dispose();
        }

        void AddPlain(string engine, ClassifierModel classifier)
        {
            var session = classifier.Open(plain);
            sessions.Add(session);
            var tensors = Input(classifier, batch);
            Add(engine, classifier, () => session.Run(tensors, session.OutputNames, (_, _, _) => { }));
        }

        void Add(string engine, ClassifierModel classifier, Action run)
        {
            CommandError.BlameModel(classifier.Path, () =>
            {
                run();
                return true;
            });
            names.Add((engine, classifier.Path));
            engines.Add(run);
        }
    }

    /// <summary>The same random numbers for every engine.</summary>
    static Dictionary<string, Tensor> Input(ClassifierModel classifier, int batch)
    {
        var shape = classifier.FixedShape ?? throw CommandError.Model($"The input '{classifier.InputName}' of '{classifier.Path}' is [{string.Join(",", classifier.SampleShape)}]; expected an image whose size is fixed.");
        var random = new Random(1);
        var values = new float[batch * shape.Aggregate(1L, (product, d) => checked(product * d))];
        for (int i = 0; i < values.Length; i++)
            values[i] = 4 * random.NextSingle() - 2;
        return new() { [classifier.InputName] = Tensor.Of(values, [batch, .. shape.Select(d => (long)d)]) };
    }

    static void CheckShapes(ClassifierModel subject, ClassifierModel? other)
    {
        if (other is null)
            return;
        if (!subject.SampleShape.SequenceEqual(other.SampleShape) || (subject.FixedBatch ?? other.FixedBatch) != (other.FixedBatch ?? subject.FixedBatch))
            throw CommandError.Model($"The inputs differ: '{subject.Path}' takes {Text(subject)}, '{other.Path}' takes {Text(other)}. Expected two versions of one model.");

        static string Text(ClassifierModel classifier) => $"[{(classifier.FixedBatch?.ToString(CultureInfo.InvariantCulture) ?? "batch")},{string.Join(",", classifier.SampleShape)}]";
    }

    static IReadOnlyList<int> Numbers(string text, int most)
    {
        var numbers = text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= 1 && n <= most ? n : 0).ToArray();
        return numbers.Contains(0) || numbers.Distinct().Count() != numbers.Length
            ? throw new FormatException($"is '{text}'; expected different whole numbers from 1 to {most}, such as 1,2")
            : numbers;
    }

    static IReadOnlyList<int> DefaultThreads() => Environment.ProcessorCount > 1 ? [1, Environment.ProcessorCount] : [1];
}
