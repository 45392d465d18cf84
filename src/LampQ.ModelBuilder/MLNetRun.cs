using LampQ.Cli;
using LampQ.Quantization;
using LampQ.Runtime;
using LampQ.Solver;
using LampQ.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace LampQ.ModelBuilder;

/// <summary>One Model Builder project: checks project, model and data, quantizes in a pipeline, writes the model and its code.</summary>
sealed class MLNetRun(MLNetRequest request, Terminal terminal)
{
    readonly MLContext mlContext = new(request.Options.Seed);

    public int Run()
    {
        var project = MbConfig.Read(request.Project);
        var folder = ImageFolder.Open(project.ImageFolder);
        var classifier = ClassifierModel.Read(request.Model);
        FloatModel.Check(classifier.Model, request.Model, request.Options.Container);
        var (steps, source) = request.Preprocessing.Decide(request.Model, project.ImageFolder, classifier.ImageSize);
        terminal.Report($"preprocessing: {PreprocessingChoice.Describe(steps)} ({source})");
        var run = CommonOptions.Run(request.Threads, new RunSettings().BatchSize, classifier);
        int[] shape = ShapeOf(classifier, steps);
        int classes;
        using (var session = classifier.Open(run.Session))
            classes = classifier.CountClasses(session, shape);
        string[] names = ClassNames.Decide(folder, classes, request.Labels);

        var images = Load(folder, names, steps);
        if (request.Options.Recipe.Refusal(images.Length) is { } refusal)
            throw CommandError.Usage(refusal);
        classifier.CheckCount(images.Length);
        terminal.Report($"{names.Length} classes, {folder.Files.Count} images, {images.Length} of them calibrate");
        var pipeline = Pipeline(steps, names, run);
        using var model = Fit(pipeline, images);
        var report = model.OfType<LampQTransformer>().Single().Report!;

        terminal.Cancellation.ThrowIfCancellationRequested();
        string[] files = Write(project, folder, model, GeneratedCode.Of(project, request, steps, names, images.Length));
        new MLNetReport
        {
            Project = request.Project,
            Model = request.Model,
            Files = files,
            Classes = names.Length,
            Images = images.Length,
            AverageBits = report.AverageBits,
            Bytes = new(report.Fp32Bytes, report.QuantizedBytes),
            Milliseconds = new(report.Fp32Milliseconds, report.QuantizedMilliseconds),
            Agreement = report.Agreement,
            Fp32Top1 = report.Fp32Top1,
            Top1 = report.Top1,
            Text = report.ToString(),
        }.Write(terminal.Output, request.Format);
        return ExitCodes.Ok;
    }

    static int[] ShapeOf(ClassifierModel classifier, Preprocessing steps)
    {
        int[] shape = steps.OutputSize is { } size ? [3, size.Height, size.Width]
            : throw CommandError.Usage($"The input '{classifier.InputName}' of '{classifier.Path}' has no fixed size, and neither has the preprocessing. Set --crop.");
        if (shape.Length != classifier.SampleShape.Count || shape.Zip(classifier.SampleShape).Any(p => p.Second.Size is { } fixedSize && fixedSize != p.First))
            throw CommandError.Usage($"Images are [{string.Join(",", shape)}] after preprocessing; the input '{classifier.InputName}' of '{classifier.Path}' takes [{string.Join(",", classifier.SampleShape)}]. Set --resize and --crop to its size.");
        return shape;
    }

    /// <summary>Reads the calibration images, and finds those that do not decode before any work is done.</summary>
    CalibrationImage[] Load(ImageFolder folder, string[] names, Preprocessing steps) => [.. folder.Draw(request.Images, request.Options.Seed).Select(file => CommandError.BlameData(file.Path, () =>
    {
        terminal.Cancellation.ThrowIfCancellationRequested();
        byte[] bytes = File.ReadAllBytes(file.Path);
        steps.ResizeAndCrop(ImageDecoder.Default().Decode(bytes, file.Path));
        return new CalibrationImage { Label = file.Label, ImageSource = bytes, Class = Array.IndexOf(names, file.Label) };
    }))];

    EstimatorChain<ITransformer> Pipeline(Preprocessing steps, string[] names, RunSettings run) => mlContext.Transforms.LampQPixels("Pixels", "ImageSource", steps)
        .Append(mlContext.Transforms.LampQ(mlContext, new LampQOptions
        {
            ModelFile = request.Model,
            InputColumnNames = ["Pixels"],
            OutputColumnNames = ["Score"],
            LabelColumnName = nameof(CalibrationImage.Class),
            // They are drawn already.
            CalibrationRows = request.Images,
            CalibrationSampling = CalibrationSampling.FirstRows,
            Threads = request.Threads,
            Quantization = request.Options with { Run = run },
            CancellationToken = terminal.Cancellation,
            Progress = terminal,
        }))
        .Append(mlContext.Transforms.LampQClassName("PredictedLabel", "Score", names));

    TransformerChain<ITransformer> Fit(EstimatorChain<ITransformer> pipeline, CalibrationImage[] images)
    {
        try
        {
            return CommandError.BlameModelOrScratchFile(request.Model, () => pipeline.Fit(mlContext.Data.LoadFromEnumerable(images)));
        }
        catch (InfeasibleBudgetException e)
        {
            throw new CommandError(ExitCodes.Budget, e.Message, e);
        }
    }

    /// <summary>Writes the model, then the code that loads it.</summary>
    string[] Write(MbConfig project, ImageFolder folder, ITransformer model, GeneratedCode code)
    {
        string Named(string extension) => Path.Combine(request.Output, project.Name + extension);
        string[] files = [Named(".mlnet"), Named(".consumption.cs"), Named(".training.cs")];
        try
        {
            var schema = mlContext.Data.LoadFromEnumerable(Array.Empty<ImageRow>()).Schema;
            LampQModel.Save(mlContext, model, schema, files[0]);
            File.WriteAllText(files[1], code.Consumption);
            File.WriteAllText(files[2], code.Training(folder.Path));
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandError(ExitCodes.Usage, $"Nothing can be written to '{request.Output}': {e.Message}", e);
        }
    }
}
